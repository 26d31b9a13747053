"""The attacks: what is sent, and what a service that is well may answer. `python -m benchmarks attacks` lists them."""

import gzip
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tagdesk.models.reading.article import MAX_BODY
from tagdesk.models.reading.html import MAX_HTML, MAX_READ
from tests.attacks.raw import post, request

HEAD_SECONDS = 3
BODY_SECONDS = 3
"""What the attacked service is set to wait for headers and for a body."""

WAR = {"id": "next", "title": "War", "body": "The war went on while troops took the town."}


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack.

    Attributes:
        group: what it is aimed at.
        name: what it does.
        send: returns the pieces of the request.
        statuses: what the service may answer; 0 is a connection closed without an answer.
        pause: seconds after each piece.
        seconds: in which the answer must be there.
    """

    group: str
    name: str
    send: Callable[[], Iterable[bytes]]
    statuses: tuple[int, ...]
    pause: float = 0.0
    seconds: float = 1.0


def _article(**fields: Any) -> bytes:
    return post(json.dumps(fields).encode())


def _fill(unit: str, size: int, end: str = "") -> str:
    return unit * ((size - len(end)) // len(unit)) + end


_OPEN = "The war went on while troops took the town."

_HTML = {
    "lists nested 256 kB deep": _fill("<ul><li>", MAX_READ, _OPEN),
    "tables nested 256 kB deep": _fill("<table><tr><td>", MAX_READ, _OPEN),
    "div nested 256 kB deep": _fill("<div>", MAX_READ, _OPEN),
    "links and formatting misnested (adoption agency)": _fill("<a><b><p></a>", MAX_READ, _OPEN),
    "formatting that is reopened in every paragraph": _fill("<b><i><u>", MAX_READ // 2) + _fill("<p>x", MAX_READ // 2),
    "select, template and svg nested": _fill("<template><svg><foreignObject><select>", MAX_READ, _OPEN),
    "closing tags that nothing opened": _OPEN + _fill("</p></div>", MAX_READ - 100),
    "one tag of 19,900 characters of attributes": f"<p {_fill('a=1 ', 20_000 - 100)}>{_OPEN}</p>",
    "one tag with attributes of 1 MB": f"<p {'a=1 ' * 250_000}>{_OPEN}</p>",
    "one tag with styles of 2 MB": f"<p style='{_fill('display:', MAX_HTML - 200)}'>{_OPEN}</p>",
    "hidden elements nested, none closed": _fill("<div hidden>", MAX_READ, _OPEN),
    "a document of one-letter paragraphs": "<!doctype html>" + _fill("<p>a", MAX_READ - 100, _OPEN),
    "attributes of one name 5,000 times": f"<p {'x ' * 5000}>{_OPEN}</p>",
    "comments never closed": _OPEN + _fill("<!--", MAX_READ - 100),
    "comments of odd shapes": _fill("<!--><!--->--!>", MAX_READ, _OPEN),
    "script never closed": _OPEN + _fill("<script>", MAX_READ - 100),
    "CDATA never closed": _OPEN + _fill("<![CDATA[", MAX_READ - 100),
    "entities only": _fill("&amp;", MAX_READ, _OPEN),
    "entities never closed": _fill("&#x", MAX_READ, _OPEN),
    "ampersands only": _fill("&", MAX_READ, _OPEN),
    "a reference of 200,000 digits": f"{_OPEN} &#{'1' * 200_000};",
    "less-than signs only": _fill("<", MAX_READ, _OPEN),
    "quotes that never end": _OPEN + _fill("<a href=\"'", 20_000 - 100),
    "billion laughs in a DOCTYPE": (
        "<!DOCTYPE lolz [<!ENTITY lol 'lol'>"
        + "".join(f"<!ENTITY lol{n} '{f'&lol{n - 1};' * 10}'>" for n in range(1, 10))
        + f"]><p>&lol9; {_OPEN}</p>"
    ),
    "external entity": f"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><p>&x; {_OPEN}</p>",
    "NUL in tags and text": _fill("<p\0>a\0b</p\0>", MAX_READ, _OPEN),
    "private-use characters, which the cleaner uses itself": _fill("\ue000\ue001<p>", MAX_READ // 3, _OPEN),
}

_REFUSED_HTML = {
    "200,000 nested div": "<div>" * 200_000 + _OPEN,
    "150,000 hidden div": "<div hidden>" * 150_000 + _OPEN,
    "2 MB of short tags": _fill("<b>", MAX_HTML, _OPEN),
    "over 2 MB of attributes": f"<p {_fill('a=1 ', MAX_HTML)}>{_OPEN}</p>",
    "a tag never closed": "<p " + _fill("a ", MAX_HTML - 20),
    "white space and references to it": _fill("&nbsp;<br>", MAX_READ),
}

_TEXTS = {
    "a million letters, one word": "a" * MAX_BODY,
    "a million spaces and a word": " " * (MAX_BODY - 3) + "war",
    "a million line breaks and a word": "\n" * (MAX_BODY - 3) + "war",
    "300,000 dotted capital İ, which grow when lowered": "İ" * 300_000 + " war",
    "combining marks": "e" + "\u0301" * 300_000 + " war",
    "right-to-left overrides": "\u202e\u2066war\u2069" * 50_000,
    "zero-width joiners": "👩\u200d" * 100_000 + " war",
    "NUL": "war\0" * 200_000,
    "every plane's last code points": "\ufffe\uffff\U0010ffff war" * 1000,
    "headings of link lists": _fill("Read also:\n", MAX_BODY // 2, "war"),
    "one line of share buttons": "war\nShare on " + "facebook twitter " * 20_000,
    "clock times on every line": "war\n" + "12:30 Something\n" * 30_000,
    "bullets on every line": "war.\nRead more\n" + "- a line\n" * 50_000,
    "almost HTML": "war " + "<p <b <i " * 20_000,
    "almost HTML, angles only": "war " + "<" * 500_000,
    "words that no model knows": "zxqv wqzx vvkq " * 60_000,
    "two scripts in turn": "война мир 戦争 " * 60_000,
}

_JSON = {
    "100,000 arrays deep": (b'{"body": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", (400,)),
    "4 MB of opening brackets": (b"[" * 4_000_000, (413,)),
    "4 MB of opening braces": (b'{"a":' * 800_000, (413,)),
    "4 MB of empty lists": (b'{"body": "war", "a": [' + b"[]," * 1_300_000 + b"[]]}", (413,)),
    "half of a surrogate pair": (b'{"body": "war \\ud83d"}', (400,)),
    "a million halves of surrogate pairs": (b'{"body": "' + b"\\ud83d" * 600_000 + b'"}', (400,)),
    "half of a pair as UTF-8 (CESU)": (b'{"body": "war \xed\xa0\xbd"}', (400,)),
    "overlong UTF-8": (b'{"body": "war \xc0\xaf"}', (400,)),
    "UTF-32": ('{"body": "war"}'.encode("utf-32"), (400,)),
    "NUL between tokens": (b'{"body":\0"war"}', (400,)),
    "NUL escaped": (b'{"body": "war\\u0000", "id": "\\u0000"}', (200,)),
    "a number of a million digits": (b'{"body": "war", "x": ' + b"9" * 1_000_000 + b"}", (200, 400)),
    "an exponent of a million digits": (b'{"body": "war", "x": 1e' + b"9" * 1_000_000 + b"}", (200, 400)),
    "NaN": (b'{"body": "war", "x": NaN}', (400,)),
    "300,000 unknown fields": (
        b'{"body": "war", ' + b", ".join(b'"f%d":0' % n for n in range(300_000)) + b"}",
        (413,),
    ),
    "200,000 unknown fields": (
        b'{"body": "war", ' + b", ".join(b'"f%d":0' % n for n in range(200_000)) + b"}",
        (200,),
    ),
    "one field 200,000 times": (b'{"body": "war"' + b', "id": "a"' * 200_000 + b"}", (200,)),
    "an unknown field with a name of 3 MB": (b'{"body": "war", "' + b"n" * 3_000_000 + b'": 1}', (200,)),
    "an id of 3 MB": (b'{"body": "war", "id": "' + b"i" * 3_000_000 + b'"}', (422,)),
    "right-to-left override in the id": ('{"body": "war", "id": "\u202eabc"}'.encode(), (200,)),
    "__proto__ and constructor": (b'{"body": "war", "__proto__": {"a": 1}, "constructor": {}}', (200,)),
    "a body of 5 MB": (b'{"body": "' + b"x" * 5_000_000 + b'"}', (413,)),
    "a body of a million characters, explained": (b'{"body": "' + b"war on " * 140_000 + b'"}', (422,)),
}

_BATCHES = {
    "400,000 articles in an array": (b"[" + b"0," * 400_000 + b"0]", "application/json", (413,)),
    "33 MB of empty objects": (b"[" + b"{}," * 11_000_000 + b"{}]", "application/json", (413,)),
    "an array 100,000 deep": (b"[" * 100_000, "application/json", (400,)),
    "only line breaks": (b"\n" * 4_000_000, "application/x-ndjson", (400,)),
    "a line of 5 MB": (b'{"body": "' + b"x" * 5_000_000 + b'"}\n', "application/x-ndjson", (200,)),
    "10,000 lines that are no JSON": (b"\xff{[\n" * 10_000, "application/x-ndjson", (200,)),
    "lines 20,000 arrays deep": ((b"[" * 20_000 + b"\n") * 20, "application/x-ndjson", (200,)),
}

_GOOD = json.dumps(WAR).encode()


def _smuggled(*headers: str, body: bytes = _GOOD) -> bytes:
    lines = ["POST /v1/tag HTTP/1.1", "Host: localhost", "Content-Type: application/json", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


_CHUNKED = b"%x\r\n%s\r\n0\r\n\r\n" % (len(_GOOD), _GOOD)
_CHUNKS = "Transfer-Encoding: chunked"

_FRAMING = {
    "two Content-Length that differ": _smuggled("Content-Length: 5", f"Content-Length: {len(_GOOD)}"),
    "two Content-Length that agree": _smuggled(*[f"Content-Length: {len(_GOOD)}"] * 2),
    "Content-Length as a list": _smuggled(f"Content-Length: {len(_GOOD)}, {len(_GOOD)}"),
    "Content-Length and Transfer-Encoding": _smuggled(f"Content-Length: {len(_CHUNKED)}", _CHUNKS, body=_CHUNKED),
    "Transfer-Encoding and Content-Length": _smuggled(_CHUNKS, "Content-Length: 4", body=_CHUNKED),
    "two Transfer-Encoding": _smuggled(_CHUNKS, "Transfer-Encoding: identity", body=_CHUNKED),
    "Transfer-Encoding: xchunked": _smuggled("Transfer-Encoding: xchunked", body=_CHUNKED),
    "Transfer-Encoding with a tab": _smuggled("Transfer-Encoding:\tchunked, identity", body=_CHUNKED),
    "negative Content-Length": _smuggled("Content-Length: -1"),
    "signed Content-Length": _smuggled(f"Content-Length: +{len(_GOOD)}"),
    "hexadecimal Content-Length": _smuggled("Content-Length: 0x20"),
    "Content-Length beyond 64 bits": _smuggled("Content-Length: 99999999999999999999999"),
    "a chunk size beyond 64 bits": _smuggled(_CHUNKS, body=b"fffffffffffffffff\r\nx"),
    "a chunk size that is no number": _smuggled(_CHUNKS, body=b"war\r\nx"),
    "a chunk longer than it says": _smuggled(_CHUNKS, body=b"1\r\n{}}}\r\n0\r\n\r\n"),
    "a space before the colon": _smuggled(f"Content-Length : {len(_GOOD)}"),
    "a header without a colon": _smuggled("Content-Length", f"Content-Length: {len(_GOOD)}"),
    "a header on two lines": _smuggled("X-A: b\r\n c", f"Content-Length: {len(_GOOD)}"),
    "a NUL in a header": _smuggled("X-A: b\0c", f"Content-Length: {len(_GOOD)}"),
    "a bare CR in a header": _smuggled("X-A: b\rX-B: c", f"Content-Length: {len(_GOOD)}"),
    "no Host": b"GET /livez HTTP/1.1\r\n\r\n",
    "two Hosts": b"GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200) + b"\r\n\r\n",
    "HTTP/2 without being asked": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/9.9": b"GET /livez HTTP/9.9\r\nHost: a\r\n\r\n",
    "a tunnel": b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n",
    "a target that is no path": b"GET livez HTTP/1.1\r\nHost: a\r\n\r\n",
    "a target with bytes beyond ASCII": b"GET /\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n",
}

_FLOODS = {
    "10,000 headers": request("GET", "/livez", *[f"X-{n}: a" for n in range(10_000)]),
    "101 headers": request("GET", "/livez", *[f"X-{n}: a" for n in range(101)]),
    "a header of 40 kB": request("GET", "/livez", "X-A: " + "a" * 40_000),
    "a header of 4 MB": request("GET", "/livez", "X-A: " + "a" * 4_000_000),
    "a header name of 1 MB": request("GET", "/livez", "a" * 1_000_000 + ": x"),
    "a target of 1 MB": request("GET", "/" + "a" * 1_000_000),
    "4 MB of a head that never ends": b"GET /livez HTTP/1.1\r\nX: " + b"a" * 4_000_000,
    "100,000 trailers": _smuggled(_CHUNKS, body=_CHUNKED[:-2] + b"X-A: b\r\n" * 100_000),
    "a trailer of 4 MB": _smuggled(_CHUNKS, body=_CHUNKED[:-2] + b"X-A: " + b"b" * 4_000_000),
    "a chunk extension of 4 MB": _smuggled(_CHUNKS, body=b"1;" + b"a" * 4_000_000),
}

_PATHS = (
    "/v1/models/..%2f..%2factivate",
    "/v1/models/..%2f..%2f..%2fetc%2fpasswd/activate",
    "/v1/models/%2e%2e/activate",
    "/v1/models/../../activate",
    "/v1/models/..%5c..%5cwindows/activate",
    "/v1/models/%252e%252e%252f/activate",
    "/v1/models/..%c0%af..%c0%af/activate",
    "/v1/models/CURRENT/activate",
    "/v1/models/%00/activate",
    "/v1/models/1%00.json/activate",
    "/v1/models/1%0d%0aSet-Cookie:%20a=b/activate",
    "/v1/models/.draft-1/activate",
    "/v1/models/" + "a" * 5000 + "/activate",
    "/v1/models/%ff/activate",
    "/v1/models/;ls/activate",
    "/v1/models/$(id)/activate",
)

_FILES = (
    "/desk/../settings.py",
    "/desk/..%2f..%2fsettings.py",
    "/desk/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "/desk//etc/passwd",
    "/desk/..%5csettings.py",
    "/desk/app.js%00.css",
    "/desk/" + "a/" * 5000,
    "/problems/..%2f..%2fetc%2fpasswd",
    "/problems/__class__",
    "/../../etc/passwd",
    "//evil.test/%2e%2e",
    "/v1/tag/..;/model",
)


def _slow() -> list[Attack]:
    head = b"POST /v1/tag HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    body = head + b"Content-Length: 1000\r\n\r\n"
    chunked = head + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{"
    lines = head.replace(b"/v1/tag", b"/v1/tag/batch").replace(b"json", b"x-ndjson")
    stream = lines + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\n\r\n" % (len(_GOOD) + 1, _GOOD)
    rows: list[tuple[str, Sequence[bytes], int, float]] = [
        ("a connection that sends nothing", [], 0, 0),
        ("half of a head, then nothing", [head], 408, 0),
        ("a head byte by byte", [head[n : n + 1] for n in range(20)], 408, 0.1),
        ("a head and no body", [body], 408, 0),
        ("a body byte by byte", [body, *[b" "] * 20], 408, 0.1),
        ("a chunked body that stops", [chunked], 408, 0),
        ("a stream of lines that stops: its last line is the 408", [stream], 200, 0),
    ]
    seconds = max(HEAD_SECONDS, BODY_SECONDS) + 1.5
    return [
        Attack("slow-loris", name, _sends(*pieces), (status,), pause, seconds + pause * len(pieces))
        for name, pieces, status, pause in rows
    ]


def _encoded(name: str, body: bytes) -> bytes:
    return post(body, f"Content-Encoding: {name}")


def _encodings() -> list[Attack]:
    bomb = gzip.compress(bytes(100_000_000), 1)
    what = {
        "gzip of 100 MB of zeros": lambda: [_encoded("gzip", bomb)],
        "gzip in gzip": lambda: [_encoded("gzip, gzip", gzip.compress(bomb))],
        "deflate": lambda: [_encoded("deflate", b"x\x9c\x03\x00\x00\x00\x00\x01")],
        "br": lambda: [_encoded("br", b"\x8b\x02\x80")],
        "an encoding that nobody knows": lambda: [_encoded("bomb", _GOOD)],
        "gzip to a batch of lines": lambda: [
            post(bomb, "Content-Encoding: gzip", path="/v1/tag/batch", kind="application/x-ndjson")
        ],
    }
    return [Attack("content encoding", name, send, (415,)) for name, send in what.items()]


def _other() -> list[Attack]:
    preflight = request("OPTIONS", "/v1/tag", "Origin: https://evil.test", "Access-Control-Request-Method: POST")
    form = post(b"body=war", kind="application/x-www-form-urlencoded")
    plain = post(_GOOD, kind="text/plain")
    upgrade = request("GET", "/livez", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__")
    socket = request("GET", "/v1/tag", "Upgrade: websocket", "Sec-WebSocket-Key: dGhlIHNhbXBsZQ==")
    return [
        Attack("browser", "a preflight from another site", lambda: [preflight], (405,)),
        Attack("browser", "a form from another site", lambda: [form], (415,)),
        Attack("browser", "JSON as text/plain, which needs no preflight", lambda: [plain], (415,)),
        Attack("HTTP", "TRACE", lambda: [request("TRACE", "/v1/tag")], (405,)),
        Attack("HTTP", "an unknown method", lambda: [b"WAR /v1/tag HTTP/1.1\r\nHost: a\r\n\r\n"], (400, 405)),
        Attack("HTTP", "an upgrade to HTTP/2", lambda: [upgrade], (200,)),
        Attack("HTTP", "an upgrade to WebSocket", lambda: [socket], (405,)),
        Attack("HTTP", "another site's address as target", lambda: [request("GET", "http://evil.test/livez")], (200,)),
        Attack("HTTP", "500 requests at once on one connection", _pipeline, (200,)),
    ]


def _pipeline() -> list[bytes]:
    return [b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n" * 500]


def _sends(*pieces: bytes) -> Callable[[], Iterable[bytes]]:
    return lambda: pieces


def _explained(name: str, body: bytes) -> bytes:
    return post(body, path="/v1/tag?explain=1" if "explained" in name else "/v1/tag")


ATTACKS = [
    *(Attack("HTML", name, _sends(_article(body_html=html)), (200,)) for name, html in _HTML.items()),
    *(Attack("HTML", name, _sends(_article(body_html=html)), (422,)) for name, html in _REFUSED_HTML.items()),
    *(Attack("HTML as text", name, _sends(_article(body=html)), (200,)) for name, html in list(_HTML.items())[:6]),
    *(Attack("text", name, _sends(_article(body=text)), (200,)) for name, text in _TEXTS.items()),
    *(Attack("JSON", name, _sends(_explained(name, body)), statuses) for name, (body, statuses) in _JSON.items()),
    *(
        Attack("batch", name, _sends(post(body, path="/v1/tag/batch", kind=kind)), statuses)
        for name, (body, kind, statuses) in _BATCHES.items()
    ),
    *(Attack("framing", name, _sends(sent), (400,)) for name, sent in _FRAMING.items()),
    *(Attack("flood", name, _sends(sent), (431,)) for name, sent in _FLOODS.items()),
    *_encodings(),
    *_slow(),
    *(Attack("version names", path[:60], _sends(request("POST", path)), (400, 404, 422)) for path in _PATHS),
    *(Attack("paths", path[:60], _sends(request("GET", path)), (404,)) for path in _FILES),
    *_other(),
]
