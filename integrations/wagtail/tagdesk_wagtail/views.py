"""The answer to the button of the panel: topics of the draft as it was last saved."""

import time
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_POST
from tagdesk_client import TagdeskError
from wagtail.models import Page

from tagdesk_wagtail.configuration import fields_of, publish_seconds
from tagdesk_wagtail.models import PageTopics
from tagdesk_wagtail.panels import shown
from tagdesk_wagtail.tagging import ask, keep_for_draft


@require_POST
def find(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for the topics of a draft, and show them."""
    page = get_object_or_404(Page, pk=pk).get_latest_revision_as_object()
    fields = fields_of(type(page))
    if fields is None:
        raise Http404
    if not page.permissions_for_user(request.user).can_edit():
        raise PermissionDenied
    trouble: dict[str, Any] = {}
    try:
        row = keep_for_draft(page, fields, ask(page, fields, time.monotonic() + publish_seconds()))
    except TagdeskError as error:
        row = PageTopics.objects.filter(pk=page.pk).first()  # the topics that it had stay in sight
        trouble = {"trouble": str(error)}
    return render(request, "tagdesk_wagtail/topics.html", shown(page, fields, row) | trouble)
