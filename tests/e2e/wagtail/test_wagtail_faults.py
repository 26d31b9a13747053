"""A real Wagtail whose service is in trouble: no publish waits for it longer than it may."""

from collections.abc import Iterator

import pytest

from tagdesk.service.settings import Settings
from tests.e2e.wagtail.newsroom import BODY, Newsroom, newsroom_on
from tests.integrations.faults import Behave, answer, dripping, hang, late, misbehaving, saying

LIMIT = 1.0
NONSENSE = answer(b'{"id": null, "model": "m", "topics": [{"id": "x"}], "warnings": []}')

# What the slow service takes; the hung and the dripping ones take for ever. A publish that waited for any of them would
# take at least this long, so half of it tells the two apart on a busy machine too.
FAULT_SECONDS = 100.0
FAULTS: dict[str, Behave | None] = {
    "dead": None,
    "hung": hang,
    "slow": late(FAULT_SECONDS, b"{}"),
    "drips headers": dripping(b"HTTP/1.1 200 OK\r\nX: y"),
    "drips a body": dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n{", 0.01),
    "nonsense": saying(NONSENSE),
    "a web site": saying(answer(b"<html>Welcome</html>")),
    "no HTTP": saying(b"SSH-2.0-OpenSSH_9.2\r\n"),
}


@pytest.fixture(scope="module")
def newsroom(tiny_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newsroom]:
    """Return a newsroom."""
    with newsroom_on(tiny_settings, tmp_path_factory.mktemp("newsroom"), LIMIT) as one:
        yield one


@pytest.fixture(scope="module")
def undisturbed(newsroom: Newsroom) -> float:
    """Return the seconds of a publish with the service well."""
    with newsroom.served():
        return min(newsroom.editor.add(f"Undisturbed {number}", BODY)[1] for number in range(3))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_publish_waits_no_longer_than_it_may(
    newsroom: Newsroom, fault: str, undisturbed: float, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever the service does, the page is published in time, and tagged later."""
    behave = FAULTS[fault]
    title = f"Under {fault}"
    if behave:
        with misbehaving(behave, newsroom.address):
            pk, seconds = newsroom.editor.add(title, BODY)
    else:
        pk, seconds = newsroom.editor.add(title, BODY)
    with capsys.disabled():
        print(f"\npublish, service {fault}: {seconds:.2f} s (well: {undisturbed:.2f} s, limit {LIMIT:g} s)")  # noqa: T201
    assert seconds < FAULT_SECONDS / 2
    assert newsroom.site.sql("SELECT live FROM wagtailcore_page WHERE id = ?", pk) == [(1,)]
    assert newsroom.site.tags(pk) == []
    assert newsroom.site.waits(pk)
    assert "still to be tagged" in newsroom.editor.open(pk)[0]
    with newsroom.served():
        newsroom.site.manage("tagdesk_catch_up")
    assert newsroom.site.tags(pk) == ["Conflict"]
    assert not newsroom.site.waits(pk)
