"""The tutorial's commands do what the tutorial says, with the files of examples/."""

import re
import shlex
from pathlib import Path

import pytest

from tagdesk.command import main
from tagdesk.models import Article
from tagdesk.models.storage import load

ROOT = Path(__file__).parent.parent
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")


def commands(target: str) -> list[list[str]]:
    """Return the tutorial's `make TARGET …` as the arguments of the command that make runs."""
    found = []
    for line in re.findall(rf"^    make {target} (.*)$", TUTORIAL, flags=re.MULTILINE):
        options = [word.partition("=") for word in shlex.split(line)]
        arguments = [part for name, _, value in options for part in (f"--{name.lower()}", value)]
        found.append([target, *arguments])
    return found


def words_and_figures(text: str) -> tuple[str, list[float]]:
    """Return what is printed with `#` for each figure, without the model's version, and the figures.

    Another processor adds in another order: on so few articles a figure may move by a point or two.
    """
    number = r"\d+(?:\.\d+)?"
    text = re.sub(r"@\S+:", ":", text)
    return re.sub(number, "#", text), [float(figure) for figure in re.findall(number, text)]


def test_tutorial_runs_as_it_is_written(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The file is read to the letter as the tutorial says, and learned as well; the models tag and are measured."""
    monkeypatch.setenv("TAGDESK_STORE", str(tmp_path / "store"))
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    caplog.set_level("INFO")
    for arguments in commands("train"):
        assert main(arguments) == 0
    said = "\n".join(record.getMessage() for record in caplog.records)
    summary, result = re.findall(r"```text\n(.*?)```", TUTORIAL, flags=re.DOTALL)
    assert summary in said + "\n"
    words, figures = words_and_figures(result)
    printed_words, printed_figures = words_and_figures(capsys.readouterr().out)
    assert words in printed_words
    first = printed_words[: printed_words.index(words)].count("#")
    assert printed_figures[first : first + len(figures)] == pytest.approx(figures, rel=0.05)
    cup = Article(title="Late goal wins the cup", body="The striker scored in the last minute of the final.")
    assert [result.topic.id for result in load("desk").tag(cup).topics][:1] == ["sport"]
    assert "war-and-peace" in load("mapped").taxonomy
    for arguments in commands("evaluate"):
        assert main(arguments) == 0
    assert "later.csv: 40 articles" in capsys.readouterr().out


def test_files_that_the_tutorial_and_the_examples_name_are_there() -> None:
    for document in (ROOT / "docs" / "tutorial.md", ROOT / "examples" / "README.md"):
        text = document.read_text(encoding="utf-8")
        links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
        assert links
        assert [link for link in links if not (document.parent / link).exists()] == []
