"""What waits is done, in the order in which it is due, and tried again where it fails."""

import asyncio
import logging
import time
from contextlib import suppress

from tagdesk_ghost.asking import Failed, Refused
from tagdesk_ghost.settings import Settings
from tagdesk_ghost.state import Job, State, Work
from tagdesk_ghost.tagging import Tagger

MOST_TRIES = 16
"""Tries for one post: the last comes nearly four hours after the first. Corrections are tried for ever."""

_LONGEST_DELAY = 1800.0
_LONGEST_SLEEP = 60.0  # seconds until corrections are noticed that `catch-up` left in the file
_AT_ONCE = 4
_REFUSED = {"tag": "not tagged", "look": "not looked at", "send": "its correction is parked"}
_log = logging.getLogger("tagdesk_ghost")


class Waiting:
    """The posts that wait, each once for each kind of work; they are in the file, and survive a restart.

    Args:
        tagger: what does the work.
        state: the file.
        settings: how many may wait, and for how long a try that failed.
    """

    def __init__(self, tagger: Tagger, state: State, settings: Settings) -> None:
        self._tagger = tagger
        self._state = state
        self._settings = settings
        self._running: dict[str, asyncio.Task[None]] = {}
        self._news = asyncio.Event()

    def add(self, post: str, work: Work) -> bool:
        """Let a post wait; return False where too many do."""
        waiting = {job.post for job in self._state.jobs() if job.work != "send"}
        if post not in waiting and len(waiting) >= self._settings.most_waiting:
            return False
        self._state.let_wait(post, work)
        self._news.set()
        return True

    async def work(self) -> None:
        """Do what waits, for ever; of one post one thing at a time."""
        for post, reason in self._state.parked().items():
            _log.error("post %s: %s: %s", post, _REFUSED["send"], reason)
        try:
            while True:
                self._news.clear()
                delay = self._start_due()
                with suppress(TimeoutError):
                    async with asyncio.timeout(delay):  # wait_for may swallow the end of the work
                        await self._news.wait()
        finally:
            for task in self._running.values():
                task.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    def _start_due(self) -> float:
        """Start what is due; return the seconds until more is."""
        now = time.time()
        for job in self._state.jobs():
            if job.post in self._running:
                continue
            if len(self._running) >= _AT_ONCE:
                break
            if job.due > now:
                return min(job.due - now, _LONGEST_SLEEP)
            self._running[job.post] = asyncio.create_task(self._do(job))
        return _LONGEST_SLEEP

    async def _do(self, job: Job) -> None:
        try:
            await self._try(job)
        except Failed as error:
            self._failed(job, error)
        except Refused as error:
            _log.warning("post %s: %s: %s", job.post, _REFUSED[job.work], error)
            self._state.done(job)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not end the work; its text may quote a post
            self._failed(job, Failed(type(error).__name__))
        else:
            self._state.done(job)
        finally:
            del self._running[job.post]
            self._news.set()

    async def _try(self, job: Job) -> None:
        if job.work == "tag":
            _log.info("post %s: %d tags added", job.post, await self._tagger.tag(job.post))
        elif job.work == "look":
            await self._tagger.look(job.post)
        else:
            await self._tagger.send(job.post)

    def _failed(self, job: Job, error: Failed) -> None:
        if job.work != "send" and job.tries + 1 >= MOST_TRIES:
            _log.error("post %s: given up after %d tries: %s", job.post, MOST_TRIES, error)
            self._state.done(job)
            return
        delay = min(self._settings.first_delay * 2 ** min(job.tries, MOST_TRIES), _LONGEST_DELAY)
        _log.warning("post %s: again in %g seconds: %s", job.post, delay, error)
        self._state.later(job, delay)
