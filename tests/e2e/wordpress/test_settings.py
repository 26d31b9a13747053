"""The settings page, and the plugin's coming and going."""

import httpx

from tests.e2e.wordpress.newsroom import LIMIT, activate, configure, publish, set_tags
from tests.e2e.wordpress.service import Tagdesk
from tests.e2e.wordpress.site import Form, WordPress, install_plugin, nonce


def test_settings_page_says_how_the_service_does_and_never_shows_the_key(site: WordPress, service: Tagdesk) -> None:
    try:
        page = configure(site, limit="0.7")
        assert "Tagdesk answers, with 3 topics." in page
        assert service.key not in page
        assert service.key in stored(site)
        assert 'value="0.7"' in page
        page = configure(site, url='http://127.0.0.1:1/"><script>')
        assert "Tagdesk cannot be used: no answer" in page
        assert '"><script>' not in page
    finally:
        page = configure(site, url=service.url, limit=LIMIT)
    assert "with 3 topics" in page


def test_settings_cannot_be_changed_by_a_forged_request(site: WordPress, service: Tagdesk) -> None:
    with site.signed_in() as admin:
        form = Form(admin.get("/wp-admin/options-general.php?page=tagdesk").text, "tagdesk[url]").fields
        forged = form | {"tagdesk[url]": "http://evil.example", "_wpnonce": "0123456789"}
        assert admin.post("/wp-admin/options.php", data=forged).status_code == 403
    assert service.url in stored(site)


def test_deleted_plugin_leaves_the_tags_and_nothing_else(site: WordPress, service: Tagdesk) -> None:
    post = publish(site)
    set_tags(site, post, "Conflict,Weather")
    try:
        with site.signed_in() as admin:
            manage_plugin(admin, "deactivate-selected")
            manage_plugin(admin, "delete-selected")
        assert not (site.folder / "site/wp-content/plugins/tagdesk").exists()
        for table, column in (("options", "option_name"), ("postmeta", "meta_key"), ("termmeta", "meta_key")):
            assert site.sql(f"SELECT {column} FROM wp_{table} WHERE {column} LIKE '%tagdesk%'") == []
        assert "tagdesk" not in site.sql("SELECT option_value FROM wp_options WHERE option_name = 'cron'")[0][0]
        assert site.terms(post) == ["Conflict", "Weather"]
    finally:
        install_plugin(site.folder / "site")
        activate(site)
        configure(site, url=service.url, key=service.key, limit=LIMIT)


def stored(site: WordPress) -> str:
    """Return the settings as the database has them."""
    return site.sql("SELECT option_value FROM wp_options WHERE option_name = 'tagdesk'")[0][0]


def manage_plugin(admin: httpx.Client, action: str) -> None:
    """Choose the plugin in the page of plugins, and an action."""
    token = nonce(admin.get("/wp-admin/plugins.php").text)
    form = {"action": action, "checked[]": "tagdesk/tagdesk.php", "verify-delete": "1", "_wpnonce": token}
    admin.post("/wp-admin/plugins.php", data=form)
