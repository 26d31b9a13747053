"""`tagdesk tag`: JSON Lines of articles in, JSON Lines of topics out."""

import gzip
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tagdesk.command import main
from tagdesk.models import Article, TopicModel
from tagdesk.models.answer import answer
from tagdesk.models.reading.html import MAX_READ

ROOT = Path(__file__).parents[2]
ARTICLES = ROOT / "tests" / "data" / "articles.jsonl"

Tag = Callable[..., tuple[int, list[dict[str, Any]], str]]


@pytest.fixture
def tag(small_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Tag:
    """Return what tags a file's lines and returns the exit code, the answers and what was said on standard error."""

    def run(*lines: object, name: str = "articles.jsonl", flags: tuple[str, ...] = ()) -> Any:
        path = tmp_path / name
        data = b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        code = main(["tag", str(path), "--model", str(small_bundle), *flags])
        said = capsys.readouterr()
        return code, [json.loads(line) for line in said.out.splitlines()], said.err

    return run


def test_file_from_the_shell_gives_the_answers_of_the_model(small_bundle: Path, small_model: TopicModel) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tagdesk", "tag", str(ARTICLES), "--model", str(small_bundle)],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    rows = [json.loads(line) for line in ARTICLES.read_text(encoding="utf-8").splitlines()]
    expected = [
        answer(small_model.tag(Article(id=row["id"], title=row["title"], body=row["body"])), small_model.ref)
        for row in rows
    ]
    assert [json.loads(line) for line in done.stdout.splitlines()] == expected
    assert done.stderr == b""


def test_line_from_a_pipe_is_answered_before_the_next_is_sent(small_bundle: Path) -> None:
    command = [sys.executable, "-m", "tagdesk", "tag", "--model", str(small_bundle)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for identity in ("a-1", "a-2"):
            process.stdin.write(json.dumps({"id": identity, "title": "News", "body": "war"}).encode() + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == identity
        process.stdin.close()
        assert process.wait() == 0


def test_standard_input_is_read_where_no_file_is_named(small_bundle: Path) -> None:
    """In a locale of plain ASCII too, with a store and a name; the answer is UTF-8."""
    environment = os.environ | {
        "TAGDESK_STORE": str(small_bundle.parents[1]),
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONIOENCODING": "ascii",
    }
    line = json.dumps({"id": "é—1", "body": "Troops killed in the capital"}, ensure_ascii=False).encode()
    done = subprocess.run(
        [sys.executable, "-m", "tagdesk", "tag", "--model", "small"],
        cwd=ROOT,
        input=line,
        capture_output=True,
        env=environment,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    found = json.loads(done.stdout)
    assert (found["id"], found["model"]) == ("é—1", f"small@{small_bundle.name}")


def test_reader_that_has_enough_is_no_error(small_bundle: Path) -> None:
    """`tagdesk tag … | head -1`."""
    done = subprocess.run(
        ["sh", "-c", '"$0" -m tagdesk tag - --model "$1" | head -n 1', sys.executable, str(small_bundle)],
        cwd=ROOT,
        input=ARTICLES.read_bytes() * 8,
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout)["id"] == "t-0001"
    assert done.stderr == b""


def test_gzip_is_read_like_plain_text(tag: Tag) -> None:
    row = {"id": "1", "title": "Troops", "body": "A ceasefire"}
    assert tag(row, name="a.jsonl.gz") == tag(row)


def test_unknown_fields_are_ignored_and_nulls_are_absent(tag: Tag) -> None:
    plain = {"id": "1", "body": "Troops killed in the capital"}
    noisy = plain | {"title": None, "body_html": None, "url": None, "language": None, "tags": [1], "topics": ["sport"]}
    assert tag(noisy) == tag(plain)


def test_blank_lines_and_a_byte_order_mark_are_nothing(tag: Tag) -> None:
    code, found, _ = tag(b'\xef\xbb\xbf{"id": "1", "body": "Fire"}', b"", b"  \r", b'{"id": "2", "body": "Fire"}\r')
    assert (code, [row["id"] for row in found]) == (0, ["1", "2"])


def test_article_without_an_id_is_answered_without_one(tag: Tag) -> None:
    assert tag({"body": "Fire"})[1][0]["id"] is None


def test_explain_adds_the_evidence(tag: Tag) -> None:
    row = {"body_html": "<p>Patients waited at the hospital, doctors said."}
    _, found, _ = tag(row, flags=("--explain",))
    assert found[0]["topics"][0]["evidence"][0]["field"] == "body_html"
    assert "evidence" not in tag(row)[1][0]["topics"][0]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'{"body": "a"', "not JSON"),
        (b'{"body": "caf\xe9"}', "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "an article is a JSON object"),
        (b"null", "an article is a JSON object"),
        (b"{}", "an article has one body"),
        (b'{"body": "a", "body_html": "a"}', "this one has both"),
        (b'{"body": 5}', "body must be text, not int"),
        (b'{"title": NaN, "body": "a"}', "title must be text"),
        (b'{"body": " "}', "no text to read"),
        (json.dumps({"body_html": "x" * (MAX_READ + 1)}).encode(), "body_html has"),
        (rb'{"id": "\ud83d", "body": "a"}', "surrogate"),
        (rb'{"body": "Troops \ud83d killed"}', "surrogate"),
    ],
)
def test_bad_line_becomes_an_error_in_its_place(tag: Tag, line: bytes, said: str) -> None:
    good = {"id": "good", "body": "Troops killed"}
    code, found, errors = tag(good, line, good)
    assert code == 1
    assert [row["id"] for row in (found[0], found[2])] == ["good", "good"]
    assert set(found[1]) == {"id", "error"}
    assert said in found[1]["error"]
    assert found[1]["error"].startswith("line 2: ")
    assert errors.splitlines() == [f"tagdesk: {found[1]['error']}"]


@pytest.mark.parametrize("fault", [{"body": ""}, {"title": 5, "body": "a"}, {"body": None}])
def test_id_of_a_bad_article_is_echoed(tag: Tag, fault: dict[str, object]) -> None:
    code, found, _ = tag({"id": "x"} | fault)
    assert (code, found[0]["id"]) == (1, "x")


def test_unknown_model_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tag", str(ARTICLES), "--model", "news-xx"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("tagdesk: no model 'news-xx' in ")
    assert said.err.count("\n") == 1


def test_missing_file_is_one_sentence(small_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tag", "no-such.jsonl", "--model", str(small_bundle)]) == 2
    said = capsys.readouterr().err
    assert "no-such.jsonl" in said
    assert "Errno" not in said
    assert said.count("\n") == 1


def test_answers_before_the_break_of_a_cut_off_file_are_given(
    small_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cut.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"id": "1", "body": "Fire"}\n' * 40)[:-8])  # no checksum
    assert main(["tag", str(path), "--model", str(small_bundle)]) == 2
    assert len(capsys.readouterr().out.splitlines()) == 40


def test_parquet_is_one_sentence_that_says_what_reads_it(
    small_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "articles.parquet"
    path.write_bytes(b"PAR1\x15\x04\n" * 100)
    assert main(["tag", str(path), "--model", str(small_bundle)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "`tagdesk archive`" in said.err
    assert said.err.count("\n") == 1


@pytest.mark.parametrize("data", [gzip.compress(ARTICLES.read_bytes())[:-300], b"no gzip at all"])
def test_damaged_gzip_is_one_sentence_that_names_the_file(
    small_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes
) -> None:
    path = tmp_path / "cut.jsonl.gz"
    path.write_bytes(data)
    assert main(["tag", str(path), "--model", str(small_bundle)]) == 2
    said = capsys.readouterr().err
    assert "cut.jsonl.gz" in said
    assert said.count("\n") == 1


def test_main_leaves_the_process_signals_alone(tag: Tag) -> None:
    """With SIGPIPE at its default, a server in the same process would die of a client that hangs up."""
    before = signal.getsignal(signal.SIGPIPE)
    tag({"body": "Fire"})
    assert signal.getsignal(signal.SIGPIPE) == before


def test_standard_input_can_be_named_by_a_dash(
    small_bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"id": "1", "body": "Fire"}\n')))
    assert main(["tag", "-", "--model", str(small_bundle)]) == 0
    assert json.loads(capsys.readouterr().out)["id"] == "1"
