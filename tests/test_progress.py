import io
import sys

import pytest

from tagdesk.progress import Progress, progress


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_items_come_through_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    """Every item is yielded, in order."""
    assert list(progress(iter("abc"), total=3, what="Reading")) == ["a", "b", "c"]


def test_log_ends_with_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Quick work leaves one plain line in a log: the count and the time taken."""
    with Progress(total=1200, what="Reading", clock=Clock()) as shown:
        for _ in range(1200):
            shown.update()
    assert capsys.readouterr().err == "Reading: 1,200 of 1,200 (100 %), took 0:00\n"


def test_log_lines_say_how_much_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    """A line in a log tells the share done and the time left, as fast as it went since the first step."""
    clock = Clock()
    with Progress(total=6000, what="Reading", clock=clock) as shown:
        clock.now = 100
        shown.update(200)
        assert capsys.readouterr().err == "Reading: 200 of 6,000 (3 %)\n"
        clock.now = 110.25
        shown.update(1000)
        assert capsys.readouterr().err == "Reading: 1,200 of 6,000 (20 %), 0:49 left\n"


def test_log_is_not_flooded(capsys: pytest.CaptureFixture[str]) -> None:
    """Lines in a log are at least ten seconds apart."""
    clock = Clock()
    with Progress(total=100, what="Reading", clock=clock) as shown:
        for _ in range(100):
            clock.now += 0.25
            shown.update()
    assert capsys.readouterr().err.count("\n") == 3


def test_unknown_total_is_only_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a total there is a count, no share and no time left."""
    clock = Clock()
    with Progress(total=None, what="Reading", clock=clock) as shown:
        clock.now = 11
        shown.update(5)
    assert capsys.readouterr().err == "Reading: 5\nReading: 5, took 0:11\n"


def test_bytes_are_shown_as_megabytes(capsys: pytest.CaptureFixture[str]) -> None:
    """Bytes are shown as MB."""
    with Progress(total=40_000_000, what="Downloading", unit="B") as shown:
        shown.update(12_300_000)
    assert capsys.readouterr().err.startswith("Downloading: 12.3 MB of 40.0 MB (30 %)")


def test_failed_work_is_not_called_done(capsys: pytest.CaptureFixture[str]) -> None:
    """Work that fails ends with "stopped", and the error goes on."""
    with pytest.raises(ValueError, match="broken"), Progress(total=2, what="Reading"):
        raise ValueError("broken")
    assert "stopped after" in capsys.readouterr().err


def test_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal a bar is drawn."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    list(progress(range(3), total=3, what="Reading"))
    assert "Reading: 100%|" in terminal.getvalue()
