"""What the bridge is told, by its environment."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

BANDS = frozenset({"auto", "suggest"})
_is_key = re.compile(r"[0-9a-f]{24}:(?:[0-9a-f]{2}){16,64}").fullmatch


class SettingsError(ValueError):
    """A variable is missing or wrong."""


@dataclass(frozen=True)
class Settings:
    """What the bridge is told.

    Args:
        url: where Ghost is, `https://news.example`.
        admin_key: the integration's Admin API key, `id:secret`.
        webhook_secret: what Ghost signs its webhooks with.
        tagdesk_url: where Tagdesk is.
        tagdesk_key: a key with the scopes `tag` and `feedback`; empty where Tagdesk asks for none.
        bands: the topics that become tags.
        first_delay: seconds until the second try, doubled for each further one.
        most_waiting: posts that may wait at once.
        state: the file of what is remembered.
    """

    url: str
    admin_key: str
    webhook_secret: str
    tagdesk_url: str = "http://127.0.0.1:8080"
    tagdesk_key: str = ""
    bands: frozenset[str] = frozenset({"auto"})
    first_delay: float = 5.0
    most_waiting: int = 1000
    state: Path = Path("tagdesk-ghost.sqlite")

    def __post_init__(self) -> None:
        """Check what can be checked here.

        Raises:
            SettingsError: one is wrong; no secret is quoted.
        """
        for name, url in (("GHOST_URL", self.url), ("GHOST_TAGDESK_URL", self.tagdesk_url)):
            if not re.fullmatch(r"https?://[^\s/]+(/[^\s?#]*)?", url):
                raise SettingsError(f"{name} is not an address such as https://news.example")
        if not _is_key(self.admin_key):
            raise SettingsError("GHOST_ADMIN_KEY is not an Admin API key: 24 hexadecimal digits, a colon, 64 more")
        if not self.webhook_secret:
            raise SettingsError("GHOST_WEBHOOK_SECRET is empty: give the webhook in Ghost a secret, and the same here")
        if not self.bands or not self.bands <= BANDS:
            raise SettingsError("GHOST_TAGDESK_BANDS is not auto, suggest or auto,suggest")

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Settings":
        """Return the settings of an environment.

        Raises:
            SettingsError: a variable is missing or wrong.
        """
        missing = [name for name in ("GHOST_URL", "GHOST_ADMIN_KEY", "GHOST_WEBHOOK_SECRET") if not environ.get(name)]
        if missing:
            raise SettingsError(f"{', '.join(missing)} must be set")
        return cls(
            url=environ["GHOST_URL"].rstrip("/"),
            admin_key=environ["GHOST_ADMIN_KEY"],
            webhook_secret=environ["GHOST_WEBHOOK_SECRET"],
            tagdesk_url=environ.get("GHOST_TAGDESK_URL", cls.tagdesk_url).rstrip("/"),
            tagdesk_key=environ.get("GHOST_TAGDESK_KEY", ""),
            bands=frozenset(environ.get("GHOST_TAGDESK_BANDS", "auto").replace(" ", "").split(",")),
            first_delay=_number(environ, "GHOST_RETRY_SECONDS", cls.first_delay),
            most_waiting=int(_number(environ, "GHOST_MOST_WAITING", cls.most_waiting)),
            state=Path(environ.get("GHOST_STATE") or cls.state),
        )


def _number(environ: Mapping[str, str], name: str, default: float) -> float:
    raw = environ.get(name, "")
    if raw and not re.fullmatch(r"\d{1,6}(\.\d+)?", raw):
        raise SettingsError(f"{name} is not a number")
    return float(raw or default)
