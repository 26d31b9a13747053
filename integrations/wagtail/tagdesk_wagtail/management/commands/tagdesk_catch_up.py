"""`manage.py tagdesk_catch_up`: what a publish could not wait for."""

import time
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tagdesk_client import TagdeskError

from tagdesk_wagtail.corrections import send
from tagdesk_wagtail.models import Correction, PageTopics
from tagdesk_wagtail.tagging import may_pass, tag_page

_SECONDS = 30.0


class Command(BaseCommand):
    """Tags what is due and sends corrections; ends with 1 where some of it has to wait for another run."""

    help = "Tag the pages that could not be tagged when they were published, and send editors' corrections."

    def handle(self, *_: Any, **__: Any) -> None:
        """Run the command.

        Raises:
            CommandError: the service is in trouble, and what is left waits for the next run; or all was tried, and
                some of it failed.
        """
        self._failed = 0
        tagged = sum(self._done(f"page {pk}", tag_page, pk) for pk in _pages())
        sent = sum(self._done(f"correction of page {one.page_id}", send, one) for one in _corrections())
        self.stdout.write(f"{tagged} pages tagged, {sent} corrections sent.")
        if self._failed:
            raise CommandError(f"{self._failed} failed, as said above, and are tried again by the next run.")

    def _done(self, what: str, do: Callable[[Any, float], bool], item: Any) -> bool:
        try:
            return do(item, time.monotonic() + _SECONDS)
        except TagdeskError as error:
            if may_pass(error):
                waiting = f"{_pages().count()} pages and {_corrections().count()} corrections wait for the next run"
                raise CommandError(f"{error}; {waiting}.") from None
            self.stderr.write(f"{what}: {error}")
        except Exception as error:  # noqa: BLE001 - the others have their turn
            self._failed += 1
            self.stderr.write(f"{what}: {type(error).__name__}: {error}")
        return False


def _pages() -> Any:
    return PageTopics.objects.filter(due__isnull=False).order_by("due").values_list("pk", flat=True)


def _corrections() -> Any:
    return Correction.objects.filter(trouble="")
