"""The dashboard and the alerts speak only of metrics that there are."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tagdesk import service

SERVICE = Path(service.__file__).parent
PAGE = (Path(__file__).parents[2] / "docs" / "operating.md").read_text(encoding="utf-8")
ALERTS = SERVICE / "prometheus" / "alerts.yml"
DASHBOARD: dict[str, Any] = json.loads((SERVICE / "grafana" / "tagdesk.json").read_text(encoding="utf-8"))
PANELS = DASHBOARD["panels"]

PROMTOOL = shutil.which("promtool")


def known() -> dict[str, set[str]]:
    """Return the metrics of docs/operating.md, which another test holds against the service, with their labels."""
    rows = re.findall(r"^\| `(tagdesk_\w+)` \|([^|]*)\| (\w+)", PAGE, flags=re.MULTILINE)
    found = {}
    for name, labels, what in rows:
        names = [f"{name}_{part}" for part in ("bucket", "sum", "count")] if what == "histogram" else [name]
        found.update({one: set(re.findall(r"`(\w+)`", labels)) for one in names})
    return found


def unknown(expression: str) -> list[str]:
    """Return the metrics and labels of an expression that there are not."""
    metrics = known()
    found = []
    for name, matchers in re.findall(r"\b(tagdesk_\w+)(?:\{([^}]*)\})?", expression):
        if name not in metrics:
            found.append(name)
        found += [label for label in re.findall(r"(\w+)\s*[=!]", matchers) if label not in metrics.get(name, ())]
    labels = {"le"}.union(*(metrics.get(name, set()) for name in re.findall(r"\btagdesk_\w+", expression)))
    labels |= set(re.findall(r'label_replace\([^"]*"(\w+)"', expression))
    by = ",".join(re.findall(r"by \(([^)]*)\)", expression))
    return found + [label for label in re.findall(r"\w+", by) if label not in labels]


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: str(panel["title"]))
def test_panels_show_what_is_measured(panel: dict[str, Any]) -> None:
    """Each query of a panel names metrics and labels that there are, and each legend a label of its query."""
    assert panel["targets"]
    for target in panel["targets"]:
        assert "tagdesk_" in target["expr"]
        assert unknown(target["expr"]) == []
        assert all(label in target["expr"] for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))


def test_dashboard_shows_every_metric() -> None:
    """No metric is left out."""
    shown = " ".join(target["expr"] for panel in PANELS for target in panel["targets"])
    names = {re.sub(r"_(bucket|sum|count)$", "", name) for name in known()}
    assert sorted(name for name in names if name not in shown) == []


def test_panels_do_not_overlap() -> None:
    """Each panel has a number and a place of its own."""
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    assert len({(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in PANELS}) == len(PANELS)


def test_alerts_speak_of_what_is_measured() -> None:
    """Five alerts, each with a metric that there is, a severity, and what to do."""
    text = ALERTS.read_text(encoding="utf-8")
    alerts = re.split(r"^      - alert: ", text, flags=re.MULTILINE)[1:]
    assert len(alerts) == 5
    for alert in alerts:
        expression = re.search(r"expr:(.*?)\n +for:", alert, flags=re.DOTALL)
        assert expression
        assert re.search(r"tagdesk_|up\{", expression[1])
        assert unknown(expression[1]) == []
        assert re.search(r"severity: (page|ticket)\n", alert)
        assert re.search(r"summary: \S", alert)
        assert re.search(r"runbook: >-\n +\S", alert)


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed: apt-get install prometheus")
def test_promtool_takes_the_alerts_and_the_queries(tmp_path: Path) -> None:
    """Prometheus' own tool reads the alerts, and the panels' queries as if they were rules."""
    queries = [target["expr"] for panel in PANELS for target in panel["targets"]]
    rules = [
        {"record": f"panel:query{number}", "expr": query.replace("$__rate_interval", "5m")}
        for number, query in enumerate(queries)
    ]
    panels = tmp_path / "panels.yml"
    panels.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))  # JSON is YAML
    command = [str(PROMTOOL), "check", "rules", str(ALERTS), str(panels)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


SERIES = {
    "TagdeskDown": {'up{job="tagdesk"}': "1 0x20"},
    "TagdeskFails": {
        'tagdesk_request_seconds_count{route="/v1/tag",status="200"}': "0+90x80",
        'tagdesk_request_seconds_count{route="/v1/tag",status="500"}': "0+10x80",
    },
    "TagdeskSlow": {
        'tagdesk_request_seconds_bucket{route="/v1/tag",le="0.025"}': "0+90x80",
        'tagdesk_request_seconds_bucket{route="/v1/tag",le="0.1"}': "0+100x80",
        'tagdesk_request_seconds_bucket{route="/v1/tag",le="+Inf"}': "0+100x80",
    },
    "TagdeskModelNotLoaded": {
        'tagdesk_model_info{model="news-en@1"}': "1x80",
        'tagdesk_model_info{model="news-en@2"}': "1x80",
    },
    "TagdeskStrangeArticles": {
        'tagdesk_articles_total{model="news-en@1"}': "0+100x200",
        'tagdesk_warnings_total{warning="language"}': "0+30x200",
    },
}
USUAL = {
    'up{job="tagdesk"}': "1x200",
    'tagdesk_request_seconds_count{route="/v1/tag",status="200"}': "0+100x200",
    'tagdesk_request_seconds_bucket{route="/v1/tag",le="0.025"}': "0+100x200",
    'tagdesk_request_seconds_bucket{route="/v1/tag",le="+Inf"}': "0+100x200",
    'tagdesk_model_info{model="news-en@1"}': "1x200",
    'tagdesk_model_info{model="news-en@0"}': "0x200",
    'tagdesk_model_reloads_total{outcome="failed"}': "0x200",
    'tagdesk_articles_total{model="news-en@1"}': "0+100x200",
    'tagdesk_warnings_total{warning="language"}': "0+1x200",
}


def replicas(series: dict[str, str]) -> dict[str, str]:
    """Return the series as two services have them, each behind its own address."""
    return {
        name.replace("{", f'{{instance="tagdesk-{number}:8080",'): values
        for name, values in series.items()
        for number in (1, 2)
    }


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed: apt-get install prometheus")
def test_alerts_fire_when_they_should_and_only_then(tmp_path: Path) -> None:
    """Each alert fires on the trouble it is named after, and none on a usual day, of one service or of two."""
    tests = [_case(USUAL, []), _case(replicas(USUAL), [])]
    for name, series in SERIES.items():
        tests += [_case(USUAL | series, [name]), _case(replicas(USUAL | series), [name])]
    file = tmp_path / "test.yml"
    file.write_text(json.dumps({"rule_files": [str(ALERTS)], "evaluation_interval": "1m", "tests": tests}))
    done = subprocess.run([str(PROMTOOL), "test", "rules", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _case(series: dict[str, str], firing: list[str]) -> dict[str, Any]:
    """Return a case in which these alerts fire, of as many services as there are."""
    values = [{"series": name, "values": value} for name, value in series.items()]
    expected = [
        {
            "expr": 'group by (alertname) (ALERTS{alertstate="firing"})',
            "eval_time": "150m" if "TagdeskStrangeArticles" in firing else "20m",
            "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in firing],
        }
    ]
    return {"interval": "1m", "input_series": values, "promql_expr_test": expected}
