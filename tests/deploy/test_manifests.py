"""Whether Compose, Kubernetes, systemd and Prometheus take what deploy/ has, and the service the settings in it."""

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from tagdesk.service.settings import ELSEWHERE, Settings, variable
from tests.deploy.conftest import Need
from tests.deploy.proxies import DEPLOY

KUBERNETES = DEPLOY / "kubernetes"
RESOURCES = sorted(path for path in KUBERNETES.glob("*.yaml") if path.name != "kustomization.yaml")
UNITS = sorted((DEPLOY / "systemd").iterdir())


def documents(path: Path) -> list[Any]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def resource(kind: str, name: str = "tagdesk") -> Any:
    found = [one for path in RESOURCES for one in documents(path)]
    (only,) = [one for one in found if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    return only


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_compose_is_valid(need: Need) -> None:
    schema = ["--builtin-schema", "vendor.compose-spec"]
    run(sys.executable, "-m", need("check_jsonschema"), *schema, str(DEPLOY / "compose" / "compose.yaml"))


def test_files_that_compose_mounts_are_there() -> None:
    services = documents(DEPLOY / "compose" / "compose.yaml")[0]["services"].values()
    mounts = [volume.split(":")[0] for service in services for volume in service.get("volumes", ())]
    paths = [path for path in mounts if path.startswith(".")]
    assert len(paths) == 4
    assert all((DEPLOY / "compose" / path).exists() for path in paths)


@pytest.mark.parametrize("path", RESOURCES, ids=lambda path: str(path.name))
def test_kubernetes_takes_each_resource(path: Path, need: Need) -> None:
    """By the schema of its newest version, without a field that there is not."""
    run(sys.executable, "-m", need("kubernetes_validate"), "--strict", str(path))


def test_kustomization_has_every_file() -> None:
    (kustomization,) = documents(KUBERNETES / "kustomization.yaml")
    assert sorted(kustomization["resources"]) == [path.name for path in RESOURCES]


def test_selectors_find_the_pods() -> None:
    """Of service, disruption budget and network policies: labels that a pod has, and each exactly one kind of pod."""
    pods = {
        "service": resource("Deployment")["spec"]["template"]["metadata"]["labels"],
        "retrain": resource("CronJob", "tagdesk-retrain")["spec"]["jobTemplate"]["spec"]["template"]["metadata"][
            "labels"
        ],
    }
    selectors = {
        "service": [
            resource("Deployment")["spec"]["selector"]["matchLabels"],
            resource("Service")["spec"]["selector"],
            resource("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
            resource("NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        ],
        "retrain": [resource("NetworkPolicy", "tagdesk-retrain")["spec"]["podSelector"]["matchLabels"]],
    }
    for name, each in selectors.items():
        for selector in each:
            assert [pod for pod, labels in pods.items() if selector.items() <= labels.items()] == [name]


def test_pods_may_end_before_they_are_killed() -> None:
    settings = resource("ConfigMap")["data"]
    needed = int(settings["TAGDESK_STOP_DELAY"]) + int(settings["TAGDESK_STOP_TIMEOUT"]) + 5
    assert resource("Deployment")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > needed


def test_every_setting_is_one() -> None:
    """Whatever is named TAGDESK_… under deploy/ and in the image is a setting of the service."""
    known = {*(variable(setting.name) for setting in fields(Settings)), *ELSEWHERE}
    files = [path for path in DEPLOY.rglob("*") if path.is_file()] + [DEPLOY.parent / "Dockerfile"]
    named = {name for path in files for name in re.findall(r"\bTAGDESK_[A-Z_]+", path.read_text(encoding="utf-8"))}
    assert len(named) > 5
    assert named - known == set()


def test_image_has_every_room() -> None:
    """Each folder that src/tagdesk links to is copied, and not held back from the builder."""
    rooms = [path.name for path in (DEPLOY.parent / "src" / "tagdesk").iterdir() if path.is_symlink()]
    assert "models" in rooms
    copied = (DEPLOY.parent / "Dockerfile").read_text(encoding="utf-8").splitlines()
    sent = (DEPLOY.parent / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert [room for room in rooms if f"COPY {room} {room}" not in copied or f"!{room}" not in sent] == []


def test_prometheus_takes_its_configuration(need: Need) -> None:
    run(need("promtool"), "check", "config", "--syntax-only", str(DEPLOY / "compose" / "prometheus" / "prometheus.yml"))


@pytest.fixture
def units(tmp_path: Path) -> list[Path]:
    """Return copies of the units that name a program and a user that there are."""
    for unit in UNITS:
        text = unit.read_text(encoding="utf-8").replace("/opt/tagdesk/.venv/bin/tagdesk", "/bin/true")
        (tmp_path / unit.name).write_text(text.replace("User=tagdesk", "User=daemon"))
    return sorted(tmp_path.iterdir())


def test_systemd_takes_the_units(units: list[Path], need: Need) -> None:
    """Without a word."""
    assert run(need("systemd-analyze"), "verify", *map(str, units)) == ""


def test_units_are_sandboxed(units: list[Path], need: Need) -> None:
    """To systemd an exposure of 2 of 10 is OK; a service without options has 9.6."""
    services = [unit for unit in units if unit.suffix == ".service"]
    assert len(services) == 2
    for unit in services:
        run(need("systemd-analyze"), "security", "--offline=yes", "--threshold=20", "--no-pager", str(unit))
