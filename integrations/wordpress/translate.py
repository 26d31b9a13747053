"""Make the plugin's template for translators and compile its translations.

    python integrations/wordpress/translate.py      # needs gettext: apt-get install gettext

New and changed strings go to `languages/tagdesk.pot` and into each `tagdesk-LOCALE.po`. Translate them there, and run
it again.
"""

import gettext
import json
import shutil
import subprocess
import sys
from pathlib import Path

PLUGIN = Path(__file__).parent / "tagdesk"
KEYWORDS = ("__:1", "_n:1,2", "esc_html__:1", "esc_html_e:1", "esc_attr__:1")
MERGE = ("--quiet", "--update", "--backup=none", "--no-wrap", "--no-fuzzy-matching")
HANDLE = "tagdesk-panel"
"""The script that has strings."""


def main(plugin: Path = PLUGIN) -> None:
    """Write the template, and for each translation its .po, .mo and .json."""
    languages = plugin / "languages"
    template = languages / "tagdesk.pot"
    php = sorted(path.relative_to(plugin) for path in plugin.rglob("*.php"))
    scripts = sorted(path.relative_to(plugin) for path in plugin.rglob("*.js"))
    _extract(plugin, "PHP", php, template)
    _extract(plugin, "JavaScript", scripts, template, "--join-existing")
    for translation in sorted(languages.glob("*.po")):
        compiled = translation.with_suffix(".mo")
        _run("msgmerge", *MERGE, translation, template)
        _run("msgfmt", "--check", f"--output-file={compiled}", translation)
        for_scripts = languages / f"{translation.stem}-{HANDLE}.json"
        for_scripts.write_text(_for_scripts(compiled, _strings_of(template, scripts)), "utf-8")


def _extract(plugin: Path, language: str, sources: list[Path], template: Path, *options: str) -> None:
    keywords = ["--keyword", *(f"--keyword={keyword}" for keyword in KEYWORDS)]
    form = ["--from-code=UTF-8", "--add-comments=translators:", "--add-location=file", "--no-wrap", "--sort-by-file"]
    about = ["--package-name=Tagdesk", "--copyright-holder=", "--foreign-user"]
    command = ["xgettext", f"--language={language}", *keywords, *form, *about, *options, f"--output={template}"]
    _run(*command, *sources, at=plugin)
    # Without the time of making it the same strings give the same file.
    lines = template.read_text("utf-8").splitlines(keepends=True)
    template.write_text("".join(line for line in lines if not line.startswith('"POT-Creation-Date')), "utf-8")


def _strings_of(template: Path, scripts: list[Path]) -> list[str]:
    """Return the strings that are in scripts."""
    entries = template.read_text("utf-8").split("\n\n")
    of_scripts = [entry for entry in entries if any(str(script) in entry for script in scripts)]
    lines = "\n".join(of_scripts).splitlines()
    return [json.loads(line.removeprefix("msgid ")) for line in lines if line.startswith("msgid ")]


def _for_scripts(compiled: Path, strings: list[str]) -> str:
    """Return a translation as wp.i18n reads it."""
    with compiled.open("rb") as file:
        translation = gettext.GNUTranslations(file)
    info = translation.info()
    head = {"domain": "messages", "lang": info["language"], "plural-forms": info["plural-forms"]}
    messages = {"": head} | {text: [translation.gettext(text)] for text in strings}
    document = {"domain": "messages", "locale_data": {"messages": messages}}
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _run(program: str, *arguments: str | Path, at: Path | None = None) -> None:
    path = shutil.which(program)
    if path is None:
        sys.exit(f"no {program}: install gettext")
    subprocess.run([path, *map(str, arguments)], check=True, cwd=at)  # noqa: S603 - our own arguments


if __name__ == "__main__":
    main()
