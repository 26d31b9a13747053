"""Where the app hooks into Wagtail's admin."""

from django.urls import URLPattern, path
from wagtail import hooks

from tagdesk_wagtail.publishing import on_form_saved
from tagdesk_wagtail.views import find

hooks.register("before_publish_page", on_form_saved)
hooks.register("after_edit_page", on_form_saved)  # a draft, or what a workflow's approval has published


@hooks.register("register_admin_urls")
def admin_urls() -> list[URLPattern]:
    """Return the addresses of the app's views; Wagtail asks for a login before them."""
    return [path("tagdesk/find/<int:pk>/", find, name="tagdesk_find")]
