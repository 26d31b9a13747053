"""Settings: from defaults, the environment and the command line, refused in one sentence."""

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from tagdesk.command import main
from tagdesk.service.settings import Settings, SettingsError, option, variable


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


def test_reads_origins_as_browsers_write_them() -> None:
    """In lower case, without a slash at the end, and without the port that the scheme implies."""
    origins = "https://A.example:443/, http://b.example:80,http://b.example:443,http://[::1]:3000, *,tauri://localhost"
    assert Settings(origins=origins).allowed_origins == [
        "https://a.example",
        "http://b.example",
        "http://b.example:443",
        "http://[::1]:3000",
        "*",
        "tauri://localhost",
    ]
    assert Settings().allowed_origins == []


@pytest.mark.parametrize(
    "entry",
    [
        "b.example",
        "https://b.example/desk",
        "https://a.example https://b.example",
        "https://a.example;https://b.example",
        "https://*.example",
        "https://b.example:",
        "https://b.example:99999",
        "https://b\u00fccher.example",
        "https://",
        "null",
    ],
)
def test_names_an_origin_that_no_page_has(entry: str) -> None:
    said = rf"^TAGDESK_ORIGINS \(or --origins\) has {re.escape(repr(entry))}, .* such as https://cms\.example\.org, "
    with pytest.raises(SettingsError, match=said):
        Settings.from_environment({"TAGDESK_ORIGINS": f"https://a.example,{entry}"})


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


def test_reads_models_by_language() -> None:
    """One model stands for all languages; of several the languages are in lower case, spaces aside."""
    assert Settings(model="desk").by_language == {"*": "desk"}
    models = Settings.from_environment({"TAGDESK_MODELS": "EN = news-en, fr=./news=fr ,*=world@1"})
    assert models.by_language == {"en": "news-en", "fr": "./news=fr", "*": "world@1"}
    assert Settings.from_environment(models.to_environment()) == models


@pytest.mark.parametrize(
    ("models", "reason"),
    [
        ("news-en", "such as en=news-en,fr=news-fr$"),
        ("en=news-en,", "such as en=news-en,fr=news-fr$"),
        ("en=", "such as en=news-en,fr=news-fr$"),
        ("fra=desk", "has the language 'fra': give a primary language"),
        ("fr-CA=desk", "has the language 'fr-ca': give a primary language"),
        ("und=desk", "has the language 'und'"),
        ("en=a,fr=b,en=c", "has the language en 2 times: give it one model"),
    ],
)
def test_names_the_fault_in_models(models: str, reason: str) -> None:
    with pytest.raises(SettingsError, match=rf"^TAGDESK_MODELS \(or --models\) .*{reason}"):
        Settings(models=models)


def test_refuses_one_model_and_several() -> None:
    with pytest.raises(SettingsError, match="TAGDESK_MODEL are both set: leave one of them out"):
        Settings.from_environment({"TAGDESK_MODEL": "desk", "TAGDESK_MODELS": "en=news-en"})


@pytest.mark.parametrize("value", [True, None, "8080"])
def test_refuses_the_wrong_type(value: Any) -> None:
    """In Python, a number is a number."""
    with pytest.raises(SettingsError, match="TAGDESK_PORT"):
        Settings(port=value)


def test_reads_a_file(tmp_path: Path) -> None:
    """The file goes before a default, a variable before the file, an option before all; it may be named either way."""
    path = tmp_path / "tagdesk.toml"
    path.write_text('host = "::1"\nport = 1000\nworkers = 3\nallow_no_keys = true\n')
    environ = {"TAGDESK_CONFIG": str(path), "TAGDESK_PORT": "2000", "TAGDESK_MODEL": "x"}
    settings = Settings.from_environment(environ, {"workers": "4"})
    assert (settings.host, settings.port, settings.workers, settings.model) == ("::1", 2000, 4, "x")
    assert settings.allow_no_keys is True
    assert Settings.from_environment({}, {"config": str(path)}).port == 1000
    assert Settings.from_environment(settings.to_environment()) == settings


def test_workers_do_not_read_the_file_again(tmp_path: Path) -> None:
    """A worker that is replaced keeps the settings that the service was started with."""
    path = tmp_path / "tagdesk.toml"
    path.write_text("port = 1000\n")
    environ = {"TAGDESK_CONFIG": str(path)}
    settings = Settings.from_environment(environ)
    path.write_text("port = nonsense")
    assert Settings.from_environment(environ | settings.to_environment()) == settings


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("port = ", "is not TOML"),
        ("\xff", "is not TOML"),
        ("prot = 80", r"no setting is called prot \(in .*\): did you mean port\?"),
        ("[service]\nport = 80", r"no setting is called service"),
        ('port = "80"', "port in .* is '80': give a whole number"),
        ("port = true", "port in .* is True: give a whole number"),
        ("host = 7", "host in .* is no text"),
        ("allow_no_keys = 1", "allow_no_keys in .* is 1: give true or false"),
    ],
)
def test_names_the_fault_in_a_file(tmp_path: Path, text: str, said: str) -> None:
    """What is wrong in the file is named with the file."""
    path = tmp_path / "tagdesk.toml"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(SettingsError, match=said) as refused:
        Settings.from_environment({"TAGDESK_CONFIG": str(path)})
    assert str(path) in str(refused.value)


def test_names_the_file_that_is_not_there(tmp_path: Path) -> None:
    """A file that cannot be read is no reason to run without it."""
    with pytest.raises(SettingsError, match=r"TAGDESK_CONFIG: cannot read .*: No such file"):
        Settings.from_environment({"TAGDESK_CONFIG": str(tmp_path / "none.toml")})


def test_names_the_nearest_setting() -> None:
    """Unknown variables are refused, all at once, each with the nearest that there is; other programs' are not seen."""
    with pytest.raises(SettingsError) as refused:
        Settings.from_environment({"TAGDESK_PROT": "1", "TAGDESK_KEY_FILE": "x", "HOME": "/", "TAGDESK_STORE": "x"})
    said = str(refused.value)
    assert "TAGDESK_PROT (in the environment): did you mean TAGDESK_PORT?" in said
    assert "TAGDESK_KEY_FILE (in the environment): did you mean TAGDESK_KEYS_FILE?" in said
    assert "HOME" not in said


@pytest.mark.parametrize(("text", "value"), [("true", True), ("1", True), ("Yes", True), ("off", False), ("0", False)])
def test_reads_yes_and_no(text: str, value: bool) -> None:
    """What is on or off may be said in the usual ways."""
    assert Settings.from_environment({"TAGDESK_ALLOW_NO_KEYS": text}).allow_no_keys is value


def test_refuses_neither_yes_nor_no() -> None:
    """Anything else is named."""
    with pytest.raises(SettingsError, match=r"TAGDESK_ALLOW_NO_KEYS .* is 'maybe': give true or false"):
        Settings.from_environment({"TAGDESK_ALLOW_NO_KEYS": "maybe"})


def test_lists_every_setting_as_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`settings` prints all of them with value, source and meaning, and what it prints can be given back."""
    secret = "postgresql://tagdesk:hunter2@db/tagdesk"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TAGDESK_PORT", "9000")
        patch.setenv("TAGDESK_DATABASE_URL", secret)
        assert main(["settings", "--model", 'a "b"\\c', "--allow-no-keys"]) == 0
    printed = capsys.readouterr().out
    for one in fields(Settings):
        assert f"# {one.metadata['help']}\n{one.name} = " in printed
    assert "port = 9000  # variable TAGDESK_PORT\n" in printed
    assert "allow_no_keys = true  # option --allow-no-keys\n" in printed
    assert 'host = "127.0.0.1"  # default\n' in printed
    assert 'database_url = "postgresql://tagdesk:***@db/tagdesk"  # variable TAGDESK_DATABASE_URL\n' in printed
    assert "hunter2" not in printed
    path = tmp_path / "tagdesk.toml"
    path.write_text(printed)
    again = Settings.from_environment({}, {"config": str(path)})
    assert (again.port, again.model, again.allow_no_keys) == (9000, 'a "b"\\c', True)


def test_names_the_nearest_option(capsys: pytest.CaptureFixture[str]) -> None:
    """An option that there is not is exit code 2, with the nearest that there is."""
    assert main(["settings", "--max-bodies", "7"]) == 2
    assert "called --max-bodies (on the command line): did you mean --max-body?" in capsys.readouterr().err


@pytest.mark.parametrize("name", [one.name for one in fields(Settings)])
def test_spells_variable_and_option_alike(name: str) -> None:
    """A setting's variable and option are its name."""
    assert variable(name).removeprefix("TAGDESK_").lower() == option(name)[2:].replace("-", "_") == name
