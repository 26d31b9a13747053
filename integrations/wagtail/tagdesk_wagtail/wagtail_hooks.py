"""Where the app hooks into Wagtail's admin."""

from django.http import HttpRequest
from django.urls import URLPattern, path
from wagtail import hooks
from wagtail.models import Page

from tagdesk_wagtail.models import PageTopics
from tagdesk_wagtail.views import find


@hooks.register("register_admin_urls")
def admin_urls() -> list[URLPattern]:
    """Return the addresses of the app's views; Wagtail asks for a login before them."""
    return [path("tagdesk/find/<int:pk>/", find, name="tagdesk_find")]


@hooks.register("before_publish_page")
def notice_old_form(request: HttpRequest, page: Page) -> None:
    """Take no tag for taken away that a form, opened before it was put on the page, did not have."""
    puts = request.POST.get("tagdesk_puts", "")
    if puts.isascii() and puts.isdecimal() and len(puts) < 10:
        PageTopics.objects.filter(pk=page.pk).exclude(puts=int(puts)).update(seen=None)
