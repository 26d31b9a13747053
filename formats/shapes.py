"""The formats of other tools: each of their rows converted to our columns.

fastText      https://fasttext.cc/docs/en/supervised-tutorial.html
Annif         https://github.com/NatLibFi/Annif/wiki/Corpus-formats
Label Studio  https://labelstud.io/guide/export (JSON; its JSON_MIN, CSV and TSV are tables like others)
doccano       https://doccano.github.io/doccano/ (JSON and JSONL; its CSV is a table, its fastText export is fastText)
Prodigy       https://prodi.gy/docs/api-interfaces#classification
spaCy         https://spacy.io/api/textcategorizer (texts with `cats`)
ninjs         https://iptc.org/standards/ninjs/
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tagdesk.formats.columns import find_columns
from tagdesk.formats.files import BadRow, Row

Converted = dict[str, Any] | BadRow | None
Convert = Callable[[Row], Converted]

_PREFIX = "__label__"
_SURELY = 5
# fastText takes any white space between labels; people write commas, too.
_LABEL = re.compile(rf"{_PREFIX}(\S+?)(?=,{_PREFIX}|[\s]|$),?")


@dataclass(frozen=True, slots=True)
class Shape:
    """A format.

    Attributes:
        description: its name in the log.
        convert: from a row to our columns, a bad row, or None where the row is not labelled.
        lines: whether its rows are lines of text.
    """

    description: str
    convert: Convert
    lines: bool = False


def recognise(rows: Sequence[Row]) -> str:
    """Return the name of the format of these rows; `columns` where it is not that of another tool."""
    keys = frozenset[str]().union(*rows)
    if keys == {"line"}:
        lines = [row["line"] for row in rows]
        if any(_PREFIX in line for line in lines):
            return "fasttext"
        return "annif-tsv" if any("\t" in line and "://" in line for line in lines) else "columns"
    if "data" in keys and keys & {"annotations", "completions"}:
        return "label-studio"
    if "text" in keys and any(isinstance(row.get("cats"), dict) for row in rows):
        return "spacy"
    if {"text", "answer"} <= keys and keys & {"accept", "label"}:
        return "prodigy"
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
    line = row["line"]
    if line.startswith('"') and line.endswith('"'):  # doccano quotes what has a comma
        line = line[1:-1].replace('""', '"')
    labels = [label.strip(",") for label in _LABEL.findall(line)]
    body = _LABEL.sub("", line).strip()
    return {"body": body, "labels": labels} if labels else None


def fasttext_note(rows: Sequence[Row]) -> str:
    """Return a warning where a label seems to be cut at a space, as doccano writes it; empty where none does."""
    after: dict[str, Counter[str]] = {}
    for row in rows:
        labels = list(_LABEL.finditer(row.get("line", "")))
        if len(labels) == 1:
            words = row["line"][labels[0].end() :].split(maxsplit=1)
            after.setdefault(labels[0][1], Counter())[words[0] if words else ""] += 1
    for label, words in after.items():
        word = next(iter(words))
        elsewhere = any(word in others for other, others in after.items() if other != label)
        if len(words) == 1 and words.total() >= _SURELY and not elsewhere:
            return f"; all texts of {label} begin with {word!r}: write __label__{label}_{word} if it belongs there"
    return ""


def _annif_tsv(row: Row) -> Converted:
    body, _, uris = row["line"].rpartition("\t")
    labels = [uri for uri in _uris(uris) if "://" in uri]
    return {"body": body, "labels": labels} if labels else None


def _uris(text: str) -> list[str]:
    return [uri.removeprefix("<").removesuffix(">") for uri in text.split()]


def _annif(row: Row) -> Converted:
    metadata = row.get("metadata")
    fields: Mapping[str, Any] = metadata if isinstance(metadata, dict) else row
    converted = {"id": row.get("document_id"), "title": fields.get("title"), "body": row.get("text")}
    if not converted["body"]:  # a document may have nothing but its metadata
        body = "\n".join(str(fields[key]) for key in ("title", "abstract") if fields.get(key))
        converted |= {"title": None, "body": body}
    labels = _uris(row["subject_uris"] or "") if "subject_uris" in row else row.get("subjects")
    return converted | {"labels": labels} if labels else None


def _label_studio(row: Row) -> Converted:
    data, annotations = row.get("data"), row.get("annotations", row.get("completions"))
    if not isinstance(data, dict) or not isinstance(annotations, list):
        return BadRow("data, annotations: must be an object and a list, as in Label Studio's JSON export")
    finished = [a for a in annotations if isinstance(a, dict) and not (a.get("was_cancelled") or a.get("skipped"))]
    if not finished:
        return None
    # The annotation that the project calls the ground truth, else the latest.
    best = max(finished, key=lambda a: (bool(a.get("ground_truth")), str(a.get("updated_at") or a.get("created_at"))))
    values = [result.get("value") for result in best.get("result") or () if isinstance(result, dict)]
    labels = [choice for value in values if isinstance(value, dict) for choice in value.get("choices") or ()]
    if not labels:
        return None
    return _task(data) | {"id": row.get("id"), "labels": labels}


def _task(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return title and body of a task: under names that we recognise, or its only text as the body."""
    names = find_columns(data, [data]).fields
    fields = {name: data.get(names[name]) for name in ("title", "body", "date", "language") if name in names}
    texts = [value for value in data.values() if isinstance(value, str)]
    if "body" not in fields and len(texts) == 1:
        fields["body"] = texts[0]
    return fields


def _doccano(row: Row) -> Converted:
    key = "label" if row.get("label") is not None else "labels"
    labels = row.get(key)
    if not labels:
        return None
    lists = [label for label in labels if isinstance(label, list)] if isinstance(labels, list) else []
    if lists and all(isinstance(start, int) for label in lists for start in label[:2]):
        return BadRow(f"{key}: labels of spans in the text; export a text classification project instead")
    if lists:
        return BadRow(f'{key}: a list of lists, {str(labels)[:40]}: write a list of labels, ["Sport", "Politics"]')
    metadata = row.get("metadata")
    title = {**row, **metadata}.get("title") if isinstance(metadata, dict) else row.get("title")
    return {"id": row.get("id"), "title": title, "body": row.get("text"), "labels": labels}


def _prodigy(row: Row) -> Converted:
    """Convert an answer of Prodigy: of several choices, or on one label; what was rejected says nothing."""
    labels = row.get("accept") or row.get("label")
    if row.get("answer") != "accept" or not labels:
        return None
    options = {option.get("id"): option.get("text") for option in row.get("options") or () if isinstance(option, dict)}
    chosen = [options.get(label) or label for label in labels] if isinstance(labels, list) else [labels]
    meta = row.get("meta")
    title = meta.get("title") if isinstance(meta, dict) else None
    return {"id": row.get("_input_hash"), "title": title, "body": row.get("text"), "labels": chosen}


def _spacy(row: Row) -> Converted:
    """Convert a text with the probability of each of its categories; no category at all is said, too."""
    cats = row.get("cats")
    if not isinstance(cats, dict) or not cats:
        return None
    labels = [label for label, likely in cats.items() if isinstance(likely, int | float) and likely >= 0.5]
    return {"id": row.get("id"), "title": row.get("title"), "body": row.get("text"), "topics": labels}


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
        "date": row.get("firstcreated") or row.get("versioncreated"),
        "labels": subjects,
    }


def _main(values: Any) -> Any:
    """Return the value with the role `main`, or the first, of a list of headlines or bodies in ninjs 2 and 3."""
    rows = [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []
    rows.sort(key=lambda row: row.get("role") != "main")
    return rows[0].get("value") if rows else None


SHAPES = {
    "fasttext": Shape("fastText's lines", _fasttext, lines=True),
    "annif-tsv": Shape("Annif's lines of text and URIs", _annif_tsv, lines=True),
    "annif": Shape("Annif's documents", _annif),
    "label-studio": Shape("Label Studio's tasks, choices of the latest annotation", _label_studio),
    "doccano": Shape("doccano's texts and labels", _doccano),
    "prodigy": Shape("Prodigy's accepted answers", _prodigy),
    "spacy": Shape("spaCy's texts and categories", _spacy),
    "ninjs": Shape("ninjs, topics from subject", _ninjs),
}
