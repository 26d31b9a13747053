"""`manage.py tagdesk_archive`: tags what was published before Tagdesk came."""

from collections import deque
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tagdesk_client import Answer, Article, Progress, Refusal, TagdeskError
from wagtail.models import Page

from tagdesk_wagtail.articles import article_of
from tagdesk_wagtail.configuration import PageFields, client, tagged_types
from tagdesk_wagtail.models import PageTopics
from tagdesk_wagtail.tagging import due_now, keep

_CHUNK = 500


class Command(BaseCommand):
    """Tags live pages in one stream; run again, it goes on where it stopped."""

    help = "Tag the live pages that have never been tagged; --again: all."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("--again", action="store_true", help="also pages that have been tagged")

    def handle(self, *_: Any, again: bool = False, **__: Any) -> None:
        """Run the command.

        Raises:
            CommandError: the service is in trouble; what is done stays done.
        """
        self._total = sum(_pages(label, again=again).count() for label in tagged_types())
        self._tags = 0
        ahead: deque[int] = deque()
        try:
            for found in client().stream(_articles(ahead, again=again), explain=True, progress=self._tell):
                self._take(ahead.popleft(), found)
        except TagdeskError as error:
            raise CommandError(f"{error}; run it again to go on.") from None
        self.stdout.write(f"{self._total} pages, {self._tags} new tags.")

    def _take(self, pk: int, found: Answer | Refusal) -> None:
        if not Page.objects.filter(pk=pk).exists():
            return  # deleted meanwhile
        if isinstance(found, Answer):
            due = PageTopics.objects.filter(pk=pk).values_list("due", flat=True).first()
            self._tags += len(keep(pk, found, due) or ())
        elif found.problem.kind == "article-too-long":
            due_now(pk)  # it may only be too long to be explained
            self.stderr.write(f"page {pk}: left to `manage.py tagdesk_catch_up`")
        else:
            PageTopics.objects.update_or_create(pk=pk, defaults={"trouble": str(found.problem)})
            self.stderr.write(f"page {pk}: {found.problem}")

    def _tell(self, done: Progress) -> None:
        rate = done.articles / max(done.seconds, 1e-9)
        self.stdout.write(f"{done.articles} of {self._total} pages, {done.refused} refused, {rate:.0f} a second")


def _articles(ahead: deque[int], *, again: bool) -> Iterator[Article]:
    """Yield the articles, and note in `ahead` whose they are."""
    for label, fields in tagged_types().items():
        yield from _articles_of(label, fields, ahead, again=again)


def _articles_of(label: str, fields: PageFields, ahead: deque[int], *, again: bool) -> Iterator[Article]:
    # By key from chunk to chunk, not by one cursor: tagging writes to the table meanwhile.
    last = 0
    while chunk := list(_pages(label, again=again).filter(pk__gt=last).order_by("pk")[:_CHUNK]):
        for page in chunk:
            ahead.append(page.pk)
            yield article_of(page, fields)
        last = chunk[-1].pk


def _pages(label: str, *, again: bool) -> Any:
    pages = apps.get_model(label).objects.live().filter(alias_of__isnull=True)
    return pages if again else pages.exclude(tagdesk_topics__model__gt="")
