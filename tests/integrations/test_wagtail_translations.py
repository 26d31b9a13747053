"""The Wagtail app's strings: each has a German translation, and the compiled file is the one that people edit."""

import ast
import gettext
import re
from collections.abc import Iterator
from pathlib import Path

APP = Path(__file__).parents[2] / "integrations" / "wagtail" / "tagdesk_wagtail"
GERMAN = APP / "locale" / "de" / "LC_MESSAGES"
TRANSLATED = re.findall(r'^msgid (".+")\nmsgstr (".+")$', (GERMAN / "django.po").read_text("utf-8"), re.MULTILINE)


def strings() -> Iterator[str]:
    """Yield the strings that an editor or an administrator may read."""
    for path in APP.rglob("*.py"):
        yield from re.findall(r'\b_\("(.+?)"\)', path.read_text("utf-8"))
    for path in APP.rglob("*.html"):
        text = path.read_text("utf-8")
        yield from re.findall(r'\{% translate "(.+?)" %\}', text)
        for block in re.findall(r"\{% blocktranslate .*?%\}(.+?)\{% endblocktranslate %\}", text):
            yield re.sub(r"\{\{ (\w+) \}\}", r"%(\1)s", block)


def test_every_string_has_a_german_translation() -> None:
    assert {ast.literal_eval(english) for english, _ in TRANSLATED} == set(strings())


def test_the_compiled_translations_are_those_of_the_source() -> None:
    """Else run `msgfmt -o django.mo django.po` in their folder."""
    with (GERMAN / "django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for english, german in TRANSLATED:
        assert compiled.gettext(ast.literal_eval(english)) == ast.literal_eval(german)


def test_no_text_of_a_template_is_left_untranslated() -> None:
    """What stands between the tags of the templates is markup, a number or a value."""
    for path in APP.rglob("*.html"):
        text = re.sub(r"\{% blocktranslate .*?\{% endblocktranslate %\}", "", path.read_text("utf-8"))
        shown = re.sub(r"\{%.*?%\}|\{\{.*?\}\}|<[^>]*>|&nbsp;", "", text)
        assert re.findall(r"[A-Za-z]+", shown) == []
