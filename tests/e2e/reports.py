"""What the service could answer to the desk's reports: a retraining that was refused, twelve weeks of corrections."""

import json
import math
import shutil
from pathlib import Path
from typing import Any

from tagdesk.models import storage
from tests.tiny import NAME, save_tiny_model

CHANGES_PATH = "**/v1/models/*/changes?*"
DRIFT_PATH = "**/v1/drift?*"

SERVED = "news-en@2026.12.01-f1f6a322"
CANDIDATE = "news-en@2026.12.01-5b0c92aa"

CHANGES: dict[str, Any] = {
    "candidate": CANDIDATE,
    "served": SERVED,
    "made": "2026-12-01T05:00:41Z",
    "source": "corrected articles",
    "articles": 4218,
    "topics": [
        {"topic": "sport", "gained": 61, "lost": 4},
        {"topic": "labour", "gained": 33, "lost": 9},
        {"topic": "conflict", "gained": 3, "lost": 18},
        {"topic": "health", "gained": 12, "lost": 12},
        {"topic": "energy", "gained": 7, "lost": 0},
        {"topic": "religion", "gained": 0, "lost": 21},
        {"topic": "weather", "gained": 0, "lost": 0},
    ],
    "strongest": [
        {
            "id": f"a-{number}",
            "title": title,
            "topic": topic,
            "change": change,
            "served": served,
            "candidate": candidate,
        }
        for number, (title, topic, change, served, candidate) in enumerate(
            [
                ("Hexbury rowers sweep the lake regatta", "sport", "gained", 0.12, 0.91),
                ("Dockers at Port Aldis vote to walk out", "labour", "gained", 0.22, 0.88),
                ("Chess federation battles over a seat", "conflict", "lost", 0.71, 0.14),
                ("Pilgrim path to be resurfaced", "religion", "lost", 0.68, 0.17),
                ("Coach Brandvik returns to Corrigal", "sport", "gained", 0.31, 0.79),
                ("Nurses’ pay talks stall again", "labour", "gained", 0.36, 0.83),
                ("Price war among grocers goes on", "conflict", "lost", 0.58, 0.12),
                ("Grid operator warns of a tight winter", "energy", "gained", 0.29, 0.72),
                (None, "religion", "lost", 0.55, 0.15),
                ("مستشفى جديد يفتح أبوابه في المدينة", "health", "gained", 0.33, 0.64),
            ],
            start=1,
        )
    ],
    "words": [
        {
            "topic": "sport",
            "up": [
                {"ngram": "rowers", "served": 0.02, "candidate": 1.31},
                {"ngram": "regatta", "served": 0.0, "candidate": 1.12},
                {"ngram": "first leg", "served": 0.4, "candidate": 1.05},
            ],
            "down": [{"ngram": "battle", "served": 0.52, "candidate": 0.11}],
        },
        {
            "topic": "conflict",
            "up": [],
            "down": [
                {"ngram": "price war", "served": 0.81, "candidate": -0.44},
                {"ngram": "battles", "served": 1.2, "candidate": 0.6},
            ],
        },
        {"topic": "religion", "up": [], "down": []},
    ],
    "editors": [
        {"editor": "anna", "topic": "sport", "corrections": 14, "errors_before": 12, "errors_after": 1},
        {"editor": "jonas", "topic": "labour", "corrections": 9, "errors_before": 7, "errors_after": 3},
        {"editor": None, "topic": "religion", "corrections": 2, "errors_before": 1, "errors_after": 2},
        {"editor": "anna", "topic": "energy", "corrections": 1, "errors_before": 0, "errors_after": 0},
    ],
    "contradicted": [
        {
            "editor": "jonas",
            "topic": None,
            "articles": 61,
            "verdicts": 140,
            "contradicted": 18,
            "share": 0.1286,
            "usual": 0.11,
            "stands_out": False,
        },
        {
            "editor": "anna",
            "topic": "religion",
            "articles": 52,
            "verdicts": 21,
            "contradicted": 19,
            "share": 0.9048,
            "usual": 0.12,
            "stands_out": True,
        },
    ],
    "gate": {
        "decision": "refused",
        "reasons": ["religion fell by 6.1 points (95 % interval −10.2 to −2.0)"],
        "articles": 800,
        "micro_f1": {"served": 0.812, "candidate": 0.826, "difference": 0.014, "low": 0.003, "high": 0.025},
        "topics": [
            {"topic": "sport", "served": 0.801, "candidate": 0.911, "low": 0.06, "high": 0.16},
            {"topic": "labour", "served": 0.744, "candidate": 0.792, "low": 0.01, "high": 0.09},
            {"topic": "energy", "served": 0.77, "candidate": 0.781, "low": -0.02, "high": 0.04},
            {"topic": "health", "served": 0.846, "candidate": 0.846, "low": -0.01, "high": 0.01},
            {"topic": "conflict", "served": 0.872, "candidate": 0.865, "low": -0.03, "high": 0.02},
            {"topic": "religion", "served": 0.79, "candidate": 0.729, "low": -0.102, "high": -0.02},
        ],
    },
}

WEEKS = [
    *("2026-09-07", "2026-09-14", "2026-09-21", "2026-09-28", "2026-10-05", "2026-10-12"),
    *("2026-10-19", "2026-10-26", "2026-11-02", "2026-11-09", "2026-11-16", "2026-11-23"),
]


def _wave(level: float, size: float, phase: float) -> list[float]:
    return [round(min(1.0, max(0.0, level + size * math.sin(week / 2 + phase))), 3) for week in range(len(WEEKS))]


def _topic(name: str, level: float, acceptance: float, phase: float) -> dict[str, Any]:
    return {"topic": name, "rate": _wave(level, 0.05, phase), "acceptance": _wave(acceptance, 0.08, phase + 1)}


DRIFT: dict[str, Any] = {
    "model": SERVED,
    "weeks": WEEKS,
    "corrections": [0, 41, 88, 132, 120, 95, 143, 151, 160, 138, 171, 64],
    "unknown_words": [None, 0.051, 0.052, 0.049, 0.055, 0.054, 0.061, 0.063, 0.07, 0.072, 0.081, 0.086],
    "topics": [
        _topic("conflict", 0.31, 0.9, 0),
        _topic("politics", 0.27, 0.82, 1),
        _topic("sport", 0.18, 0.7, 2),
        _topic("economy", 0.15, 0.85, 3),
        _topic("health", 0.12, 0.88, 4),
        {
            "topic": "energy",
            "rate": [None, *_wave(0.08, 0.03, 5)[1:]],
            "acceptance": [None] * 4 + _wave(0.6, 0.1, 0)[4:],
        },
        {"topic": "weather", "rate": [None] * 12, "acceptance": [None] * 12},
        {"topic": "lifestyle", "rate": [None] * 12, "acceptance": [None] * 12},
    ],
    "missing": [{"name": "Rowing", "articles": 4}, {"name": "Harbours", "articles": 1}],
    "new_words": [
        {"topic": "sport", "words": [{"word": "brandvik", "articles": 7}, {"word": "regatta", "articles": 4}]},
        {"topic": "conflict", "words": [{"word": "dunmarrow", "articles": 9}, {"word": "هدنة", "articles": 3}]},
        {"topic": "weather", "words": []},
    ],
}


def answer(page: Any, pattern: str, document: Any) -> None:
    """Answer a page's requests for a report by a document; of None, by 404: what makes it is tested elsewhere."""
    status, kind = (200, "application/json") if document is not None else (404, "application/problem+json")
    missing = {"type": "/problems/not-found", "title": "Not found", "status": 404, "detail": "There is none."}
    body = json.dumps(missing if document is None else document)
    page.route(pattern, lambda route: route.fulfill(status=status, content_type=kind, body=body))


def store_with_candidates(store: Path) -> None:
    """Fill a store with three versions of the tiny model: 1, then 2, which was promoted and answers, and 3, refused."""
    save_tiny_model(store)
    _add_version(store, "2", "2026-11-30T05:00:00Z", {"decision": "promoted", "reasons": []})
    _add_version(store, "3", "2026-11-29T05:00:00Z", {})
    storage.make_current(store, NAME, "2")


def _add_version(store: Path, version: str, made: str, gate: dict[str, Any]) -> None:
    folder = store / NAME / version
    shutil.copytree(store / NAME / "1", folder)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    (folder / "manifest.json").write_text(json.dumps(manifest | {"version": version}), encoding="utf-8")
    changes = CHANGES | {"candidate": f"{NAME}@{version}", "served": f"{NAME}@1", "made": made}
    changes["gate"] = CHANGES["gate"] | gate
    (folder / "changes.json").write_text(json.dumps(changes), encoding="utf-8")
