"""What happens when a page is saved or published: verdicts are noted, and what is published is tagged, in time."""

import logging
import time
from functools import partial
from typing import Any

from django.db import transaction
from django.http import HttpRequest
from tagdesk_client import TagdeskError
from wagtail.log_actions import get_active_log_context
from wagtail.models import Page

from tagdesk_wagtail import corrections
from tagdesk_wagtail.configuration import PageFields, fields_of, publish_seconds
from tagdesk_wagtail.forms import SentForm, sent_form
from tagdesk_wagtail.models import Correction, PageTopics
from tagdesk_wagtail.tagging import due_now, tag_page
from tagdesk_wagtail.tags import folded, tags_of
from tagdesk_wagtail.verdicts import note_form

logger = logging.getLogger("tagdesk_wagtail")


def on_form_saved(request: HttpRequest, page: Page) -> None:
    """Note what an editor judged in a page's form. Whatever fails here, the save does not."""
    try:
        fields = fields_of(type(page))
        form = sent_form(request.POST, page, fields) if fields else None
        if fields and form and _judge(page, fields, form, request.user):
            transaction.on_commit(partial(tag_within_limit, page.pk), robust=True)
    except Exception as error:  # noqa: BLE001 - the save goes on
        logger.error("the form of page %s is not noted: %s", page.pk, type(error).__name__)  # noqa: TRY400


@transaction.atomic
def _judge(page: Page, fields: PageFields, form: SentForm, user: Any) -> bool:
    """Note a form, and count it where it is published already, as by the approval that it was sent with.

    Returns:
        Whether there is a correction to be sent.
    """
    row = PageTopics.objects.select_for_update().filter(pk=page.pk).first()
    if row is None:
        return False
    before = row.drafted
    note_form(row, form)
    if row.drafted != before:
        row.drafted_by = corrections.name_of(user)
    published = Page.objects.filter(pk=page.pk, live=True, has_unpublished_changes=False).first()
    if published is None and row.seen is not None:
        # What was put on the page after the form was opened, the form does not take away.
        row.seen = [name for name in row.seen if name.casefold() in form.opened]
    is_new = corrections.note(row, published.specific, fields, user) if published else False
    row.save()
    return is_new


def on_published(sender: type[Page], instance: Page, **_: Any) -> None:
    """Note a page that was published, and tag it after the commit. Whatever fails here, the publish does not."""
    try:
        fields = fields_of(sender)
        if fields is None or instance.alias_of_id:
            return
        _note(instance, fields, get_active_log_context().user)
    except Exception as error:  # noqa: BLE001 - the publish goes on
        logger.error("page %s is not noted to be tagged: %s", instance.pk, type(error).__name__)  # noqa: TRY400
        return
    transaction.on_commit(partial(tag_within_limit, instance.pk), robust=True)


@transaction.atomic
def _note(page: Page, fields: PageFields, publisher: Any) -> None:
    row = due_now(page.pk)
    tags = tags_of(page, fields)
    if row.model:
        refused = {*row.refused, *(row.seen or [])}
        row.refused = sorted(name for name in refused if name.casefold() not in folded(tags))
    row.seen = tags
    corrections.note(row, page, fields, publisher)
    row.save()


def tag_within_limit(pk: int) -> None:
    """Tag a page and send its corrections, in the time that a publish may wait; what is left is caught up with."""
    end = time.monotonic() + publish_seconds()
    try:
        tag_page(pk, end)
        for correction in Correction.objects.filter(page_id=pk, trouble=""):
            corrections.send(correction, end)
    except TagdeskError as error:
        logger.warning("page %s waits for `manage.py tagdesk_catch_up`: %s", pk, error)
    except Exception as error:  # noqa: BLE001 - the publish is done, and stays so
        logger.error("page %s waits for `manage.py tagdesk_catch_up`: %s", pk, type(error).__name__)  # noqa: TRY400
