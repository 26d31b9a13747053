"""The plugin speaks the site's language: German, from the files in the repository."""

import runpy
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.wordpress.newsroom import browser, draft, open_block_editor
from tests.e2e.wordpress.site import PLUGIN, WordPress


@contextmanager
def in_german(site: WordPress) -> Iterator[None]:
    """Let the site's language be German for the length of a with-block."""
    site.sql("REPLACE INTO wp_options (option_name, option_value, autoload) VALUES ('WPLANG', 'de_DE', 'yes')")
    try:
        yield
    finally:
        site.sql("UPDATE wp_options SET option_value = '' WHERE option_name = 'WPLANG'")


def test_settings_page_is_german_where_the_site_is(site: WordPress) -> None:
    with in_german(site), site.signed_in() as admin:
        page = admin.get("/wp-admin/options-general.php?page=tagdesk").text
    assert "Tagdesk antwortet, mit 3 Themen." in page
    assert "Beim Veröffentlichen vergeben" in page


def test_panel_of_the_block_editor_is_german_where_the_site_is(site: WordPress, chromium: Any) -> None:
    post = draft(site)
    with in_german(site), browser(site, chromium) as page:
        open_block_editor(site, page, post, heading="Themen")
        assert page.get_by_role("button", name="Themen vorschlagen").is_visible()
        assert "wird beim Veröffentlichen vergeben" in page.locator("[data-topic=conflict]").inner_text()


@pytest.mark.skipif(shutil.which("xgettext") is None, reason="no gettext: run tests/e2e/wordpress-packages")
def test_translation_has_all_strings_of_the_plugin(tmp_path: Path) -> None:
    """The files are those that `translate.py` makes of the sources, and no string is left in English."""
    copy = tmp_path / "tagdesk"
    shutil.copytree(PLUGIN, copy)
    runpy.run_path(str(PLUGIN.parent / "translate.py"))["main"](copy)
    for name in ("tagdesk.pot", "tagdesk-de_DE.po", "tagdesk-de_DE-tagdesk-panel.json"):
        assert (copy / "languages" / name).read_text("utf-8") == (PLUGIN / "languages" / name).read_text("utf-8")
    counting = ["msgfmt", "--statistics", "--output-file=/dev/null", str(PLUGIN / "languages" / "tagdesk-de_DE.po")]
    done = subprocess.run(counting, check=True, capture_output=True, text=True, env={"LC_ALL": "C", "PATH": "/usr/bin"})
    assert "untranslated" not in done.stderr
