"""Long work leaves the event loop its turn."""

import asyncio
import threading
import time

from tagdesk.service.threads import in_thread_if_long


def test_few_requests_are_worked_on_in_threads_at_once() -> None:
    """However many come together, two at most take the interpreter's lock from the event loop."""
    lock = threading.Lock()
    running = most = 0

    def work() -> str:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.01)
        with lock:
            running -= 1
        return threading.current_thread().name

    async def together() -> list[str]:
        return await asyncio.gather(*(in_thread_if_long(100_000, work) for _ in range(20)))

    names = asyncio.run(together())
    assert most == 2
    assert threading.current_thread().name not in names


def test_short_work_needs_no_thread() -> None:
    async def short() -> str:
        return await in_thread_if_long(10, lambda: threading.current_thread().name)

    assert asyncio.run(short()) == threading.current_thread().name
