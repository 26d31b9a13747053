"""What happens when a page is published: it is noted, and tagged after the commit, within a time limit."""

import logging
import time
from functools import partial
from typing import Any

from django.db import transaction
from tagdesk_client import TagdeskError
from wagtail.models import Page, Revision

from tagdesk_wagtail import corrections
from tagdesk_wagtail.configuration import PageFields, fields_of, publish_seconds
from tagdesk_wagtail.models import Correction
from tagdesk_wagtail.tagging import due_now, tag_page

logger = logging.getLogger("tagdesk_wagtail")


def on_published(sender: type[Page], instance: Page, revision: Revision | None = None, **_: Any) -> None:
    """Note a page that was published, and tag it after the commit. Whatever fails here, the publish does not."""
    try:
        fields = fields_of(sender)
        if fields is None or instance.alias_of_id:
            return
        _note(instance, fields, revision and revision.user)
    except Exception as error:  # noqa: BLE001 - the publish goes on
        logger.error("page %s is not noted to be tagged: %s", instance.pk, type(error).__name__)  # noqa: TRY400
        return
    transaction.on_commit(partial(tag_within_limit, instance.pk), robust=True)


@transaction.atomic
def _note(page: Page, fields: PageFields, user: Any) -> None:
    row = due_now(page.pk)
    corrections.notice(row, page, fields, user)
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
