"""The Kafka loop of docs/streams.md, run as it stands, with librdkafka's own broker."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer

from tests.archive.conftest import articles

TEXT = (Path(__file__).parents[2] / "docs" / "streams.md").read_text(encoding="utf-8")
(LOOP,) = re.findall(r"^```python\n(.*?)^```", TEXT, flags=re.MULTILINE | re.DOTALL)
PATIENCE = 300

Messages = list[tuple[bytes, dict[str, bytes]]]
"""Values and headers."""


class Broker:
    """A broker in this process, and what it has been given."""

    def __init__(self) -> None:
        self._producer = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "none"})
        (broker,) = self._producer.list_topics(timeout=PATIENCE).brokers.values()
        self.address = f"{broker.host}:{broker.port}"

    def send(self, *values: bytes) -> None:
        """Send articles."""
        for value in values:
            self._producer.produce("articles", value, b"key")
        assert not self._producer.flush(PATIENCE)

    def read(self, topic: str, enough: Callable[[Messages], bool]) -> Messages:
        """Return the messages of a topic from the first on, until they are enough."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.address,
                "group.id": f"{topic}-{time.monotonic_ns()}",
                "auto.offset.reset": "earliest",
            }
        )
        consumer.subscribe([topic])
        found: Messages = []
        began = time.monotonic()
        try:
            while not enough(found):
                assert time.monotonic() - began < PATIENCE
                some: list[Any] = [one for one in consumer.consume(1_000, timeout=1.0) if not one.error()]
                found += [(one.value(), dict(one.headers() or ())) for one in some]
        finally:
            consumer.close()
        return found


def ids(messages: Messages) -> set[str]:
    """Return the ids of answers."""
    return {json.loads(value)["id"] for value, _ in messages}


@pytest.fixture
def loop(tmp_path: Path) -> list[str]:
    """Return the command that runs the loop."""
    (tmp_path / "loop.py").write_text(LOOP, encoding="utf-8")
    return [sys.executable, str(tmp_path / "loop.py")]


def test_kafka_loop_answers_every_article_at_least_once(loop: list[str]) -> None:
    """Also when it is killed and started again; what cannot be read goes where it can be looked at, with the reason."""
    broker = Broker()
    rows = articles(2_000)
    lines = [json.dumps(row).encode() for row in rows]
    bad = [b"no JSON", b'{"id": "bad", "body": " "}']
    environment = {key: value for key, value in os.environ.items() if not key.startswith("TAGDESK_")}
    environment["KAFKA"] = broker.address
    broker.send(*lines[:700], *bad, *lines[700:1_200])
    with subprocess.Popen(loop, env=environment) as first:
        broker.read("topics", lambda found: len(found) >= 500)
        first.send_signal(signal.SIGKILL)
    broker.send(*lines[1_200:])
    with subprocess.Popen(loop, env=environment) as second:
        try:
            answered = broker.read("topics", lambda found: len(ids(found)) >= len(rows))
            refused = broker.read("articles-refused", lambda found: len(found) >= len(bad))
        finally:
            second.kill()
    assert ids(answered) == {row["id"] for row in rows}
    assert {value for value, _ in refused} == set(bad)
    assert all(b"not JSON" in headers["error"] or b"no text" in headers["error"] for _, headers in refused)
