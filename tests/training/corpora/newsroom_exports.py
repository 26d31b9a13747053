"""The exports of three newsrooms, made again: WordPress, a French Excel, a headless CMS, each with its usual disorder.

    python -m tests.training.corpora.newsroom_exports FOLDER

writes them of the public sets in ../shared, where these are at hand, else of our invented articles.
"""

import csv
import gzip
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tests.training.conftest import DATA, SHARED

Rows = Sequence[dict[str, Any]]


def invented() -> Rows:
    """Return our own articles: title, body and one label each."""
    lines = (DATA / "articles.jsonl").read_text(encoding="utf-8").splitlines()
    return [row | {"label": row["topics"][0].capitalize()} for row in map(json.loads, lines)]


def public(name: str, count: int) -> Rows:
    """Return articles of a public set in ../shared."""
    with gzip.open(SHARED / "bench" / name / "train.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    step = max(1, len(rows) // count)
    return [row | {"label": row["labels"][0].capitalize()} for row in rows[::step][:count]]


def wordpress(path: Path, rows: Rows) -> Path:
    """Write what WP All Export writes: Gutenberg's HTML, `News>Politics|Featured`, rows without a category."""
    header = ("id", "Title", "Content", "Excerpt", "Date", "Post Type", "Permalink", "Categories", "Tags", "Status")

    def row(i: int, article: dict[str, Any]) -> Iterable[object]:
        paragraphs = [part for part in article["body"].split("\n") if part.strip()]
        content = "\n\n".join(f"<!-- wp:paragraph -->\n<p>{part}</p>\n<!-- /wp:paragraph -->" for part in paragraphs)
        share = (
            '[share_buttons]\n<figure class="wp-block-image"><img src="x.jpg"/><figcaption>Photo</figcaption></figure>'
        )
        category = f"News>{article['label']}" + "|Featured" * (i % 9 == 0)
        if i % 31 == 0:
            category = "Uncategorized"
        elif i % 47 == 0:
            category = ""
        elif i % 211 == 0:
            category = "News>Obituaries"
        title = "" if i % 60 == 1 else article["title"]
        tags = f"tag{i % 50}|tag{i % 7}" if i % 3 else ""
        link = f"https://example.org/{i}"
        return (i, title, content + share, "", f"2026-{i % 12 + 1:02d}-01", "post", link, category, tags, "publish")

    return _table(path, header, (row(i, article) for i, article in enumerate(rows, start=1)), "utf-8-sig", ",")


def excel(path: Path, rows: Rows) -> Path:
    """Write what a French Excel saves as CSV: semicolons, Windows-1252, dates with the day first."""
    header = ("Identifiant", "Titre", "Chapô", "Texte", "Rubrique", "Mots-clés", "Date de publication", "Auteur")
    written = (
        (
            i,
            article["title"],
            "À lire",
            article["body"],
            article["label"],
            "actualité, été" if i % 2 else "",
            f"{i % 28 + 1:02d}/{i % 12 + 1:02d}/2026",
            f"Zoé {i % 5}",
        )
        for i, article in enumerate(rows, start=1)
    )
    return _table(path, header, written, "cp1252", ";")


def headless(path: Path, rows: Rows) -> Path:
    """Write what a headless CMS dumps: sections spelled in any way, ten older revisions of another section."""
    header = ("nid", "headline", "standfirst", "body_html", "section", "tags", "published_at", "byline", "status")

    def row(i: int, article: dict[str, Any], day: str) -> list[object]:
        section = (article["label"], article["label"].upper(), f" {article['label'].lower()} ")[
            i % 3 if i % 5 == 0 else 0
        ]
        body = "".join(f"<p>{part}</p>" for part in article["body"].split("\n") if part.strip())
        tags = "" if i % 4 == 0 else f"tag {i % 40};tag {i % 9}"
        return [f"n{i}", article["title"], "", body, section, tags, day, f"Desk {i % 4}", "published"]

    written = [row(i, article, f"2026-11-{i % 28 + 1:02d}T10:00:00Z") for i, article in enumerate(rows)]
    others = [article for article in rows if article["label"] != rows[0]["label"]][:10]
    for article in others:
        i = list(rows).index(article)
        written.append(row(i, article | {"label": rows[0]["label"]}, "2020-01-01T10:00:00Z"))
    return _table(path, header, written, "utf-8", ",")


def _table(path: Path, header: Sequence[str], rows: Iterable[Iterable[object]], codec: str, delimiter: str) -> Path:
    with path.open("w", encoding=codec, errors="replace", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def write_all(folder: Path) -> dict[str, Path]:
    """Write the three, and beside each what it is after repair by hand: `NAME-by-hand.jsonl`; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    at_hand = (SHARED / "bench").is_dir()
    sources = {
        "Posts-Export.csv": (wordpress, public("bbc-news", 1500) if at_hand else invented()),
        "export_articles.csv": (excel, public("masakhanews/fra", 797) if at_hand else invented()),
        "cms_dump.csv": (headless, public("masakhanews/eng", 600) if at_hand else invented()),
    }
    paths = {}
    for name, (write, rows) in sources.items():
        paths[name] = write(folder / name, rows)
        by_hand = [{"title": row["title"], "body": row["body"], "category": row["label"]} for row in rows]
        lines = "".join(json.dumps(row) + "\n" for row in by_hand)
        (folder / f"{name.removesuffix('.csv')}-by-hand.jsonl").write_text(lines, encoding="utf-8")
    return paths


if __name__ == "__main__":
    write_all(Path(sys.argv[1]))
