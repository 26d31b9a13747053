"""`tagdesk archive`: files of articles in, the same files with their topics out."""

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tagdesk.archive import tag_batch
from tagdesk.command import main
from tagdesk.models import Article, load
from tagdesk.models.answer import answer
from tests.archive.conftest import Archive, answers, articles, ids, write_lines, write_parquet
from tests.tiny import REF


def told(model: str, row: dict[str, Any]) -> dict[str, Any]:
    """Return what `tagdesk tag` answers, as an archive writes it down."""
    found = answer(load(model).tag(Article(row["title"], row["body"], id=row["id"])), REF)
    topics = [{name: topic[name] for name in ("id", "confidence", "band")} for topic in found["topics"]]
    return {"id": row["id"], "topics": topics, "warnings": found["warnings"], "error": None, "model": REF}


@pytest.mark.parametrize("to", ["parquet", "jsonl"])
def test_parts_of_a_folder_come_out_with_the_answers_of_tag(
    archive: Archive, model: str, tmp_path: Path, to: str
) -> None:
    """JSON Lines, CSV and Parquet, gzipped or not, in any folder; what is hidden or no articles is passed over."""
    rows, data, out = articles(40), tmp_path / "in", tmp_path / "out"
    write_lines(data / "a.jsonl", rows[:10])
    (data / "b.jsonl.gz").write_bytes(gzip.compress((data / "a.jsonl").read_bytes().replace(b'"a-', b'"b-')))
    write_parquet(data / "year=2011" / "c.parquet", rows[20:30])
    lines = ["id;title;body", *(f'{row["id"]};{row["title"]};"{row["body"]}"' for row in rows[30:])]
    (data / "d.csv").write_text("\n".join(lines), encoding="utf-8")
    (data / "_SUCCESS").write_text("")
    (data / "README.md").write_text("# about")
    write_lines(data / "_temporary" / "e.jsonl", rows)
    ran = archive(data, out, "--to", to)
    assert ran.code == 0, ran.err
    names = {"parquet": ["c.parquet"], "jsonl": ["c.parquet.jsonl"]}[to]
    written = {path.relative_to(out).as_posix() for path in out.rglob(f"*.{to}")}
    first = "a.jsonl" if to == "jsonl" else "a.jsonl.parquet"
    assert written == {first, f"b.jsonl.gz.{to}", f"d.csv.{to}", f"year=2011/{names[0]}"}
    assert answers(out / first) == [told(model, row) for row in rows[:10]]
    assert answers(out / f"year=2011/{names[0]}") == [told(model, row) for row in rows[20:30]]
    assert answers(out / f"d.csv.{to}") == [told(model, row) for row in rows[30:]]
    assert "4 parts" in ran.err
    assert "40 articles" in ran.out


def test_columns_are_found_and_said(archive: Archive, tmp_path: Path) -> None:
    rows = [{"Artikelnummer": n, "Titel": "Wetter", "Inhalt": "heavy rain", "Ressort": "x"} for n in range(5)]
    ran = archive(write_parquet(tmp_path / "in.parquet", rows), tmp_path / "out")
    assert "title from Titel, body from Inhalt, id from Artikelnummer" in ran.err
    found = answers(tmp_path / "out" / "in.parquet")
    assert [row["id"] for row in found] == ["0", "1", "2", "3", "4"]
    assert {topic["id"] for row in found for topic in row["topics"]} == {"weather"}


def test_columns_can_be_named(archive: Archive, tmp_path: Path) -> None:
    rows = [{"id": "1", "text": "war", "summary": "heavy rain"}]
    source = write_parquet(tmp_path / "in.parquet", rows)
    ran = archive(source, tmp_path / "out", "--columns", "body=summary")
    assert "body from summary" in ran.err
    assert answers(tmp_path / "out" / "in.parquet")[0]["topics"][0]["id"] == "weather"
    assert archive(source, tmp_path / "out", "--columns", "body=no").code == 2


def test_html_is_read_as_html(archive: Archive, tmp_path: Path) -> None:
    """As the API takes it: a row has a body, or a body_html."""
    rows: list[dict[str, Any]] = [
        {"id": "1", "body_html": "<p>heavy <b>rain</b>"},
        {"id": "2", "body": "war", "body_html": None},
    ]
    archive(write_lines(tmp_path / "in.jsonl", rows), tmp_path / "out")
    found = answers(tmp_path / "out" / "in.jsonl.parquet")
    assert [row["topics"][0]["id"] for row in found] == ["weather", "conflict"]
    assert "html-in-body" not in found[0]["warnings"]


def test_article_without_an_id_has_the_number_of_its_row(archive: Archive, tmp_path: Path) -> None:
    ran = archive(write_lines(tmp_path / "in.jsonl", [{"body": "war"}, {"body": "rain"}]), tmp_path / "out")
    assert [row["id"] for row in answers(tmp_path / "out" / "in.jsonl.parquet")] == ["1", "2"]
    assert "the row's number" in ran.err


def test_bad_rows_have_an_error_in_their_place(archive: Archive, tmp_path: Path) -> None:
    lines = [
        json.dumps({"id": "1", "title": "News", "body": "war"}),
        '{"id": "2", "title": "secret ',
        json.dumps({"id": "3", "title": "News", "body": ""}).replace("News", " "),
        json.dumps({"id": "4", "title": "secret", "body": ["secret"]}),
        '{"id": "5", "title": "secret \\ud83d", "body": "war"}',
        json.dumps({"id": "6", "title": "News", "body": "rain"}),
    ]
    (tmp_path / "in.jsonl").write_text("\n".join(lines))
    ran = archive(tmp_path / "in.jsonl", tmp_path / "out")
    found = answers(tmp_path / "out" / "in.jsonl.parquet")
    assert ran.code == 1
    assert [row["id"] for row in found] == ["1", "2", "3", "4", "5", "6"]
    assert [row["error"] is None for row in found] == [True, False, False, False, False, True]
    assert found[1]["error"].startswith("row 2: not JSON")
    assert "no text to read" in found[2]["error"]
    assert found[3]["error"] == "row 4: body must be text, not list"
    assert "surrogate" in found[4]["error"]
    assert found[1]["topics"] is None
    assert "4 errors" in ran.out
    assert "secret" not in ran.out + ran.err + str(found)


def test_damaged_files_cost_the_others_nothing(archive: Archive, tmp_path: Path) -> None:
    """Nothing is written of a file that is cut off, damaged, or lacks a column; a second run takes it up again."""
    data, out = tmp_path / "in", tmp_path / "out"
    write_lines(data / "a.jsonl", articles(10))
    whole = gzip.compress((data / "a.jsonl").read_bytes())
    (data / "cut.jsonl.gz").write_bytes(whole[:-10])
    write_parquet(data / "damaged.parquet", articles(10))
    damaged = (data / "damaged.parquet").read_bytes()
    (data / "damaged.parquet").write_bytes(damaged[:-20])
    write_lines(data / "lacks.jsonl", [{"id": "1", "title": "News", "text": "war"}])
    ran = archive(data, out)
    assert ran.code == 1
    assert sorted(path.name for path in out.iterdir()) == ["_tagdesk", "a.jsonl.parquet"]
    for name in ("cut.jsonl.gz", "damaged.parquet", "lacks.jsonl"):
        assert sum(name in line for line in ran.err.splitlines()) == 1
    assert "'text'" in ran.err
    assert "3 parts failed" in ran.out
    (data / "cut.jsonl.gz").write_bytes(whole)
    again = archive(data, out)
    assert "1 part done before" in again.err
    assert (out / "cut.jsonl.gz.parquet").exists()


def test_more_errors_than_allowed_stop_it(archive: Archive, tmp_path: Path) -> None:
    data, out = tmp_path / "in", tmp_path / "out"
    for n in range(4):
        write_lines(data / f"{n}.jsonl", [{"id": body, "body": body} for body in ("war", " ", "")])
    ran = archive(data, out, "--errors-at-most", "3")
    assert ran.code == 1
    assert "4 errors, more than the 3 of --errors-at-most" in ran.err
    assert len(list(out.glob("*.parquet"))) == 2
    assert archive(data, tmp_path / "other", "--errors-at-most", "8").code == 1
    assert len(list((tmp_path / "other").glob("*.parquet"))) == 4


def test_large_parquet_file_is_cut_at_its_row_groups(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that every core has work; ids are counted through."""
    monkeypatch.setattr("tagdesk.archive.parts._LARGE", 1_000)
    monkeypatch.setattr("tagdesk.archive.parts._ENOUGH", 1_000)
    rows = [{"title": "News", "body": f"war number {n}"} for n in range(500)]
    source = write_parquet(tmp_path / "in.parquet", rows, row_group_size=50)
    archive(source, tmp_path / "out")
    parts = sorted((tmp_path / "out" / "in.parquet.parts").glob("part-*.parquet"))
    assert len(parts) > 2
    assert [row["id"] for path in parts for row in answers(path)] == [str(n) for n in range(1, 501)]


def test_patterns_name_files(archive: Archive, tmp_path: Path) -> None:
    for name in ("2011/a.jsonl", "2011/b.jsonl", "2012/a.jsonl"):
        write_lines(tmp_path / "in" / name, articles(1))
    archive(f"{tmp_path}/in/*/a.jsonl", tmp_path / "out")
    assert {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.parquet")} == {
        "2011/a.jsonl.parquet",
        "2012/a.jsonl.parquet",
    }
    assert archive(f"{tmp_path}/in/*/c.jsonl", tmp_path / "out").code == 2


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("no-such.jsonl", "no such file or folder: "),
        ("nosuch://bucket/x", "cannot use nosuch://bucket/x"),
        ("empty", "has no files of articles"),
        ("in.xyz", "files of this kind are not read"),
        ("labels.jsonl", "no column of texts is found"),
    ],
)
def test_wrong_use_is_one_sentence(archive: Archive, tmp_path: Path, source: str, said: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "in.xyz").write_text("x")
    write_lines(tmp_path / "labels.jsonl", [{"n": 1}])
    ran = archive(source if "://" in source else tmp_path / source, tmp_path / "out")
    assert ran.code == 2
    assert said in ran.err
    assert ran.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_two_files_never_get_one_name(archive: Archive, tmp_path: Path) -> None:
    one, two = (write_lines(tmp_path / name / "a.jsonl", articles(1)) for name in ("x", "y"))
    ran = archive(one, two, tmp_path / "out")
    assert ran.code == 2
    assert "both be answered in a.jsonl.parquet" in ran.err


@pytest.mark.parametrize(
    ("source", "out"),
    [("in", "in"), ("in", "link"), ("in/a.parquet", "in"), ("in/a.parquet", "link"), ("in/*", "in"), ("links", "in")],
)
def test_articles_are_never_overwritten_by_their_answers(
    archive: Archive, tmp_path: Path, source: str, out: str
) -> None:
    """Whatever folder, file, pattern or link names them."""
    path = write_parquet(tmp_path / "in" / "a.parquet", articles(3))
    (tmp_path / "link").symlink_to(tmp_path / "in")
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "a.parquet").symlink_to(path)
    before = path.read_bytes()
    ran = archive(tmp_path / source, tmp_path / out)
    assert ran.code == 2
    assert "would be overwritten by its own answers: name another folder for OUT" in ran.err
    assert [file.name for file in (tmp_path / "in").iterdir()] == ["a.parquet"]
    assert path.read_bytes() == before


@pytest.mark.parametrize("source", ["", "**"])
def test_answers_in_the_folder_of_the_articles_are_no_articles(archive: Archive, tmp_path: Path, source: str) -> None:
    write_parquet(tmp_path / "a.parquet", articles(3))
    write_parquet(tmp_path / "tagged-before" / "b.parquet", articles(3, 3))
    for _ in range(2):
        ran = archive(tmp_path / source, tmp_path / "tagged")
        assert ran.code == 0
        assert "2 parts, " in ran.err
    assert len(ids(tmp_path / "tagged")) == 6


def test_sample_reports_and_writes_nothing(archive: Archive, tmp_path: Path) -> None:
    for n in range(30):
        write_lines(tmp_path / "in" / f"{n}.jsonl", articles(100, 100 * n))
    ran = archive(tmp_path / "in", tmp_path / "out", "--sample", "60")
    assert ran.code == 0
    assert "60 articles: " in ran.out
    assert any(line.split()[:2] == ["weather", "0"] for line in ran.out.splitlines())
    assert not (tmp_path / "out").exists()


def test_results_that_cannot_be_written_stop_it(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "_tagdesk").write_text("a file where a folder is needed")
    ran = archive(write_lines(tmp_path / "in.jsonl", articles(3)), tmp_path / "out")
    assert ran.code == 1
    assert "stopped: cannot write" in ran.err


def test_types_of_other_writers_are_read(archive: Archive, tmp_path: Path) -> None:
    """Bytes, dictionaries, large strings, numbers as titles, objects of a content system."""
    table = pa.table(
        {
            "id": pa.array([7, 8], pa.int64()),
            "title": pa.array([{"rendered": "Heavy rain"}, None], pa.struct([("rendered", pa.string())])),
            "body": pa.array([b"rain and winds", b"caf\xe9"], pa.binary()),
            "language": pa.array(["en", "en"]).dictionary_encode(),
        }
    )
    pq.write_table(table, tmp_path / "in.parquet")
    ran = archive(tmp_path / "in.parquet", tmp_path / "out")
    found = answers(tmp_path / "out" / "in.parquet")
    assert [row["id"] for row in found] == ["7", "8"]
    assert found[0]["topics"][0]["id"] == "weather"
    assert found[1]["error"] == "row 2: body is not UTF-8"
    assert ran.code == 1


@pytest.mark.parametrize("kind", ["string", "large_string", "dictionary", "binary"])
def test_text_that_is_not_utf8_is_an_error_of_its_row(archive: Archive, tmp_path: Path, kind: str) -> None:
    """Of the first part, too, by which the columns are found; an id is kept as far as it can be read."""
    raw = pa.array([b"heavy rain", b"caf\xe9", b"rain"], pa.large_binary() if kind == "large_string" else pa.binary())
    texts = raw.view({"large_string": pa.large_string(), "binary": pa.binary()}.get(kind, pa.string()))
    texts = texts.dictionary_encode() if kind == "dictionary" else texts
    pq.write_table(pa.table({"id": texts, "body": texts}), tmp_path / "in.parquet", store_schema=True)
    ran = archive(tmp_path / "in.parquet", tmp_path / "out")
    found = answers(tmp_path / "out" / "in.parquet")
    assert ran.code == 1
    assert [row["error"] for row in found] == [None, "row 2: body is not UTF-8", None]
    assert [row["id"] for row in found] == ["heavy rain", "caf\ufffd", "rain"]


def test_numbers_with_gaps_are_whole_and_other_kinds_are_no_ids(archive: Archive, tmp_path: Path) -> None:
    """As pandas writes them: a float where an id is missing; NaN is no text."""
    nan = float("nan")
    table = pa.table({"id": [1.0, None, nan, 2.5], "title": [2026.0, nan, None, nan], "body": ["war"] * 4})
    rows = [{"id": value, "title": "News", "body": "war"} for value in ({"a": 1}, [1], True, 7)]
    write_lines(tmp_path / "in" / "b.jsonl", rows)
    pq.write_table(table, tmp_path / "in" / "a.parquet")
    archive(tmp_path / "in", tmp_path / "out")
    assert [row["id"] for row in answers(tmp_path / "out" / "a.parquet")] == ["1", "2", "3", "2.5"]
    found = answers(tmp_path / "out" / "b.jsonl.parquet")
    assert [row["id"] for row in found] == ["1", "2", "3", "7"]
    reasons = [f"row {n}: id must be text, not {kind}" for n, kind in enumerate(("dict", "list", "bool"), start=1)]
    assert [row["error"] for row in found] == [*reasons, None]


def test_nan_in_a_batch_is_nothing() -> None:
    batch = pa.RecordBatch.from_pylist([{"id": float("nan"), "title": float("nan"), "body": "war"}])
    (answer,) = tag_batch(batch).to_pylist()
    assert (answer["id"], answer["error"]) == (None, None)


def test_two_columns_of_one_name_are_refused(archive: Archive, tmp_path: Path) -> None:
    table = pa.Table.from_arrays([pa.array(["1"]), pa.array(["war"]), pa.array(["rain"])], names=["id", "body", "body"])
    pq.write_table(table, tmp_path / "in.parquet")
    ran = archive(tmp_path / "in.parquet", tmp_path / "out")
    assert ran.code == 2
    assert "in.parquet has two columns named 'body': rename one" in ran.err


@pytest.mark.parametrize(
    ("flag", "value", "least"),
    [("--workers", "0", 1), ("--workers", "-1", 1), ("--sample", "0", 1), ("--errors-at-most", "x", 0)],
)
def test_numbers_that_make_no_sense_are_refused(
    archive: Archive, tmp_path: Path, capsys: pytest.CaptureFixture[str], flag: str, value: str, least: int
) -> None:
    source = write_lines(tmp_path / "in.jsonl", articles(1))
    with pytest.raises(SystemExit, match="2"):
        archive(source, tmp_path / "out", f"{flag}={value}", *(["--workers", "1"] if flag != "--workers" else []))
    assert f"write a whole number, {least} or more, not '{value}'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "uri", ["nosuch://KEY:SECRET@bucket/in", "s3://KEY:SEC/RET@bucket/in", "s3://KEY:SECRET@b/*?x=1"]
)
def test_credentials_in_an_address_are_not_shown(archive: Archive, tmp_path: Path, uri: str) -> None:
    ran = archive(uri, tmp_path / "out")
    assert ran.code == 2
    assert "cannot use " in ran.err
    assert not any(secret in ran.err for secret in ("KEY", "SEC", "RET"))


def test_every_id_comes_once_from_several_cores(archive: Archive, tmp_path: Path) -> None:
    for n in range(7):
        write_parquet(tmp_path / "in" / f"{n}.parquet", articles(100, 100 * n))
    assert archive(tmp_path / "in", tmp_path / "out", "--workers", "3").code == 0
    assert ids(tmp_path / "out") == sorted(row["id"] for row in articles(700))


def test_without_pyarrow_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.test_command import without

    ran = without({"pyarrow"}, "archive", str(tmp_path), str(tmp_path / "out"))
    assert (ran.returncode, ran.stderr.count("\n")) == (2, 1)
    assert "tagdesk[archive]" in ran.stderr


def test_no_model_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write_lines(tmp_path / "in.jsonl", articles(1))
    assert main(["archive", str(source), str(tmp_path / "out"), "--model", "no-such"]) == 2
    assert "no model 'no-such'" in capsys.readouterr().err
