"""Settings: from defaults, the environment and the command line, refused in one sentence."""

from dataclasses import fields
from typing import Any

import pytest

from service.settings import Settings, SettingsError, option, variable


def test_has_defaults() -> None:
    """Nothing given is a service on this machine alone, with the shipped model."""
    settings = Settings.from_environment({})
    assert (settings.host, settings.port, settings.workers, settings.model) == ("127.0.0.1", 8080, 1, "news-en")
    assert settings == Settings()


def test_prefers_options_to_variables() -> None:
    """An option goes before a variable, a variable before the default, and an empty variable is none."""
    environ = {"TAGDESK_PORT": "1000", "TAGDESK_HOST": "0.0.0.0", "TAGDESK_MODEL": ""}
    settings = Settings.from_environment(environ, {"port": "2000", "host": None})
    assert (settings.port, settings.host, settings.model) == (2000, "0.0.0.0", "news-en")


def test_travels_by_environment() -> None:
    """A worker process reads the same settings from its environment."""
    settings = Settings(host="::1", port=0, workers=3, model="x@1", max_body=2000, max_batch=7, max_batch_body=9999)
    assert Settings.from_environment(settings.to_environment()) == settings


@pytest.mark.parametrize("value", ["eighty", "-1", "70000", "8080.0", "1e3", "9" * 50, " 1", "²"])
def test_names_the_variable_at_fault(value: str) -> None:
    """A bad number is named with its variable, its option and its bounds."""
    with pytest.raises(
        SettingsError, match=r"^TAGDESK_PORT \(or --port\) is .*: give a whole number from 0 to 65,535$"
    ):
        Settings.from_environment({"TAGDESK_PORT": value})


def test_names_every_fault_at_once() -> None:
    """Two faults are one sentence."""
    with pytest.raises(SettingsError, match=r"TAGDESK_HOST .* TAGDESK_WORKERS"):
        Settings.from_environment({"TAGDESK_HOST": " ", "TAGDESK_WORKERS": "0"})


@pytest.mark.parametrize("value", [True, None, "8080"])
def test_refuses_the_wrong_type(value: Any) -> None:
    """In Python, a number is a number."""
    with pytest.raises(SettingsError, match="TAGDESK_PORT"):
        Settings(port=value)


@pytest.mark.parametrize("name", [one.name for one in fields(Settings)])
def test_spells_variable_and_option_alike(name: str) -> None:
    """A setting's variable and option are its name."""
    assert variable(name).removeprefix("TAGDESK_").lower() == option(name)[2:].replace("-", "_") == name
