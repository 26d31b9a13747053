"""Bytes to text: the encoding of a file is told by its bytes, and said where it is not UTF-8."""

import codecs
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

_BLOCK = 1 << 20
_SAMPLE = 200_000
"""Bytes of lines with other than ASCII characters by which an 8-bit encoding is told."""

_MIXED = 0.3
"""With more good UTF-8 characters than this for a stray byte, a file is UTF-8 with faults, and no other encoding."""

_NAMES = {
    "cp1252": "Windows-1252",
    "cp1250": "Windows-1250",
    "cp1251": "Windows-1251",
    "cp1253": "Windows-1253",
    "cp1254": "Windows-1254",
    "cp1255": "Windows-1255",
    "cp1256": "Windows-1256",
    "cp1257": "Windows-1257",
    "mac_roman": "Mac OS Roman",
    "koi8_r": "KOI8-R",
    "gb18030": "GB 18030",
    "big5": "Big5",
    "shift_jis": "Shift JIS",
    "euc_jp": "EUC-JP",
    "euc_kr": "EUC-KR",
}
"""What a file may be that is no Unicode, the names as people know them."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the bytes of a file become text.

    Attributes:
        codec: Python's name of it.
        name: the name that people know; empty for UTF-8.
        whole: whether all of the file is known to be of this encoding.
    """

    codec: str = "utf-8-sig"
    name: str = ""
    whole: bool = False

    def fault(self, text: str) -> str:
        """Return a sentence on the first byte in a text that is none of this encoding; empty where all are."""
        if self.whole:
            return ""
        try:
            text.encode()
        except UnicodeEncodeError as error:
            byte = ord(error.object[error.start])
            if 0xDC80 <= byte <= 0xDCFF:
                return f"not {self.name or 'UTF-8'}: byte {byte & 0xFF:#04x}; save the file as UTF-8"
        return ""


def encoding_of(path: Path) -> Encoding:
    """Return the encoding of a file, plain or gzipped; the whole file is looked at.

    Raises:
        OSError, EOFError, zlib.error: it cannot be read.
    """
    with open_bytes(path) as file:
        start = file.read(4096)
    if start.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):  # before UTF-16, whose mark begins one of them
        return Encoding("utf-32", "UTF-32")
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Encoding("utf-16", "UTF-16")
    for codec, zeros in (
        ("utf-32-le", start[2::4] + start[3::4]),
        ("utf-32-be", start[0::4] + start[1::4]),
        ("utf-16-le", start[1::2]),
        ("utf-16-be", start[0::2]),
    ):
        if len(zeros) > 1 and zeros.count(0) > len(zeros) / 2:
            return Encoding(codec, codec[:6].upper())
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for block in _blocks(path):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return Encoding() if _is_mixed(path) else _eight_bit(path)
    return Encoding(whole=True)


def open_bytes(path: Path) -> IO[bytes]:
    """Open a file that may be gzipped, which its name says."""
    opened: Any = gzip.open if path.suffix.lower() == ".gz" else open
    data: IO[bytes] = opened(path, "rb")
    return data


def open_text(path: Path, encoding: Encoding) -> IO[str]:
    """Open a file as text, its line ends unchanged.

    A byte that does not belong becomes a lone surrogate, so that it is reported with its row; see `Encoding.fault`.
    """
    opened: Any = gzip.open if path.suffix.lower() == ".gz" else open
    text: IO[str] = opened(path, "rt", encoding=encoding.codec, errors=_errors(encoding), newline="")
    return text


def _errors(encoding: Encoding) -> str:
    return "replace" if encoding.codec.startswith(("utf-16", "utf-32")) else "surrogateescape"


def _blocks(path: Path) -> Iterator[bytes]:
    with open_bytes(path) as file:
        while block := file.read(_BLOCK):
            yield block


def _is_mixed(path: Path) -> bool:
    """Say whether a file that is not all UTF-8 is so in part: then it was put together from several."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    good = stray = 0
    for block in _blocks(path):
        other = [char for char in decoder.decode(block) if char > "\x7f"]
        strange = sum("\udc80" <= char <= "\udcff" for char in other)
        good, stray = good + len(other) - strange, stray + strange
    return good > _MIXED * stray


def _eight_bit(path: Path) -> Encoding:
    from charset_normalizer import from_bytes

    sample = bytearray()
    with open_bytes(path) as lines:
        for line in lines:
            if not line.isascii():
                sample += line
                if len(sample) > _SAMPLE:
                    break
    matches = list(from_bytes(bytes(sample), cp_isolation=list(_NAMES)))
    best = max((-match.chaos, match.coherence) for match in matches) if matches else (0.0, 0.0)
    alike = [match.encoding for match in matches if (-match.chaos, match.coherence) == best]
    # Windows-1252 is what Excel writes in most of Europe; where it reads as well as another, that is what is meant.
    codec = alike[0] if alike and "cp1252" not in alike else "cp1252"
    if sample.decode(codec, "replace") == sample.decode("cp1252", "replace"):
        codec = "cp1252"
    return Encoding(codec, _NAMES[codec])
