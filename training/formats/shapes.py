"""The formats of other tools: what each row of theirs says in our columns.

fastText      https://fasttext.cc/docs/en/supervised-tutorial.html
Annif         https://github.com/NatLibFi/Annif/wiki/Corpus-formats
Label Studio  https://labelstud.io/guide/export
doccano       https://doccano.github.io/doccano/
ninjs         https://iptc.org/standards/ninjs/
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from training.formats.columns import NAMES, find_columns, labelled
from training.formats.files import BadRow, Row

Converted = dict[str, Any] | BadRow | None
Convert = Callable[[Row], Converted]

_PREFIX = "__label__"


@dataclass(frozen=True, slots=True)
class Shape:
    """A format: how it is called in the log, what its rows say, and whether they are lines of text."""

    what: str
    convert: Convert
    lines: bool = False


def recognise(rows: Sequence[Row]) -> str:
    """Return the name of the format that rows are in, `columns` where it is none of another tool."""
    keys = frozenset[str]().union(*rows)
    if keys == {"line"}:
        lines = [row["line"] for row in rows]
        if any(line.startswith(_PREFIX) for line in lines):
            return "fasttext"
        return "annif-tsv" if any("\t" in line for line in lines) else "columns"
    if "data" in keys and keys & {"annotations", "completions"}:
        return "label-studio"
    if {"annotation_id", "lead_time"} <= keys:
        return "label-studio-min"
    if "subject_uris" in keys or ("text" in keys and _has_list(rows, "subjects")):
        return "annif"
    if keys & {"headlines", "bodies"} or _has_list(rows, "subject") or _has_list(rows, "subjects"):
        return "ninjs"
    if "text" in keys and "body" not in keys and (_has_list(rows, "label") or _has_list(rows, "labels")):
        return "doccano"
    return "columns"


def _has_list(rows: Sequence[Row], key: str) -> bool:
    return any(isinstance(row.get(key), list) for row in rows)


def _fasttext(row: Row) -> Converted:
    words = row["line"].split(" ")
    labels = [word.removeprefix(_PREFIX) for word in words if word.startswith(_PREFIX)]
    body = " ".join(word for word in words if not word.startswith(_PREFIX))
    return {"body": body.strip(), "labels": labels} if labels else BadRow(f"topics: missing: no {_PREFIX} in the line")


def _annif_tsv(row: Row) -> Converted:
    body, _, uris = row["line"].partition("\t")
    labels = _uris(uris)
    return {"body": body, "labels": labels} if labels else BadRow("topics: missing: no URI after a tab")


def _uris(text: str) -> list[str]:
    return [uri.removeprefix("<").removesuffix(">") for uri in text.split()]


def _annif(row: Row) -> Converted:
    metadata = row.get("metadata")
    more: Mapping[str, Any] = metadata if isinstance(metadata, dict) else row
    taken = {"id": row.get("document_id"), "title": more.get("title"), "body": row.get("text")}
    if not taken["body"]:  # a document may have nothing but its metadata
        taken |= {"title": None, "body": "\n".join(str(more[key]) for key in ("title", "abstract") if more.get(key))}
    if "subject_uris" in row:
        return taken | {"labels": _uris(row["subject_uris"]) if row["subject_uris"] else None}
    return taken | (labelled(row["subjects"]) if row.get("subjects") is not None else {})


def _label_studio(row: Row) -> Converted:
    data, annotations = row.get("data"), row.get("annotations", row.get("completions"))
    if not isinstance(data, dict) or not isinstance(annotations, list):
        return BadRow("data, annotations: must be an object and a list, as in Label Studio's JSON export")
    done = [
        one for one in annotations if isinstance(one, dict) and not (one.get("was_cancelled") or one.get("skipped"))
    ]
    if not done:
        return None
    # The one that the project calls the truth, else the latest.
    said = max(
        done, key=lambda one: (bool(one.get("ground_truth")), str(one.get("updated_at") or one.get("created_at")))
    )
    values = [one.get("value") for one in said.get("result") or () if isinstance(one, dict)]
    labels = [label for value in values for label in _choices(value)]
    if not labels:
        return None
    return _task(data) | {"id": row.get("id"), "labels": labels}


def _trust(annotation: Mapping[str, Any]) -> tuple[bool, str]:
    """Prefer the annotation that the project calls the truth, else the latest."""
    return bool(annotation.get("ground_truth")), str(annotation.get("updated_at") or annotation.get("created_at"))


def _label_studio_min(row: Row) -> Converted:
    """Read a task with its choices beside its data; the exporter writes them between `id` and `annotator`."""
    keys = list(row)
    between = keys[keys.index("id") + 1 : keys.index("annotator")] if {"id", "annotator"} <= row.keys() else keys
    texts = set(find_columns(keys).found.values()) & {*NAMES["title"], *NAMES["body"]}
    chosen = [key for key in between if isinstance(row[key], dict | list)]
    chosen = (
        chosen or [key for key in between if key in NAMES["labels"]] or [key for key in between if key not in texts]
    )
    labels = [label for key in chosen for label in _choices(row[key])]
    if not labels:
        return None
    return _task({key: value for key, value in row.items() if key not in chosen}) | {"labels": labels}


def _choices(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [one for one in value.get("choices") or () if isinstance(one, str)]
    return [label for one in value for label in _choices(one)] if isinstance(value, list) else []


def _task(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return title and body of a task: under the names that we know, or its only text."""
    found = find_columns(data).found
    taken = {name: data.get(found[name]) for name in ("id", "title", "body") if name in found}
    texts = [value for value in data.values() if isinstance(value, str)]
    if "body" not in taken and len(texts) == 1:
        taken["body"] = texts[0]
    return taken


def _doccano(row: Row) -> Converted:
    key = "label" if row.get("label") is not None else "labels"
    labels = row.get(key)
    if not labels:
        return None
    if any(isinstance(one, list) for one in labels):
        return BadRow(f"{key}: spans within the text; export a project of text classification")
    metadata = row.get("metadata")
    title = {**row, **metadata}.get("title") if isinstance(metadata, dict) else row.get("title")
    return {"id": row.get("id"), "title": title, "body": row.get("text"), **labelled(labels)}


def _ninjs(row: Row) -> Converted:
    if row.get("type", "text") != "text":
        return None  # a picture, a video, a package
    title = row.get("headline") or _main(row.get("headlines")) or row.get("title")
    names = ("body_text", "body_html", "body_xhtml", "body")
    body = next((row[name] for name in names if row.get(name)), None) or _main(row.get("bodies"))
    subjects = row.get("subject", row.get("subjects"))
    return {
        "id": row.get("uri") or row.get("guid") or row.get("id"),
        "title": title,
        "body": body,
        "language": row.get("language"),
        **(labelled(subjects) if subjects is not None else {}),
    }


def _main(some: Any) -> Any:
    """Return the value of ninjs 2's and 3's list of headlines or bodies that is called the main one, or the first."""
    rows = [one for one in some if isinstance(one, dict)] if isinstance(some, list) else []
    rows.sort(key=lambda one: one.get("role") != "main")
    return rows[0].get("value") if rows else None


SHAPES = {
    "fasttext": Shape("fastText's lines", _fasttext, lines=True),
    "annif-tsv": Shape("Annif's lines of text and URIs", _annif_tsv, lines=True),
    "annif": Shape("Annif's documents", _annif),
    "label-studio": Shape("Label Studio's tasks, choices of the latest annotation", _label_studio),
    "label-studio-min": Shape("Label Studio's tasks (JSON_MIN), choices", _label_studio_min),
    "doccano": Shape("doccano's texts and labels", _doccano),
    "ninjs": Shape("ninjs, topics from subject", _ninjs),
}
