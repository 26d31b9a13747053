"""Tasks in processes that are kept for the next tasks, and that anything may kill."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing

from tagdesk.engines import TRIES, Lost, Pool, on_cores
from tests.processes import children_of


def test_task_that_kills_its_workers_is_given_up() -> None:
    assert TRIES > 1
    ((task, result),) = on_cores(os._exit, [9], 1)
    assert task == 9
    assert isinstance(result, Lost)


def test_workers_of_a_pool_do_the_next_tasks_too_unless_they_were_killed() -> None:
    pool: Pool[int, int] = Pool()  # each worker is the head of a group of processes, which is called after it
    ((_, first),) = on_cores(os.getpgid, [0], 2, pool)
    assert {who for _, who in on_cores(os.getpgid, [0] * 9, 1, pool)} == {first}
    assert isinstance(first, int)
    os.kill(first, signal.SIGKILL)
    ((_, other),) = on_cores(os.getpgid, [0], 1, pool)
    assert other != first
    pool.end()
    assert other not in children_of(os.getpid())


def test_tasks_are_asked_for_when_a_process_is_free_for_them() -> None:
    """Whoever wants no more closes the iterator, and what is being done is ended."""
    asked = []

    def tasks() -> Iterator[float]:
        for seconds in (0.0, 3600.0, 0.0):
            asked.append(seconds)
            yield seconds

    with closing(on_cores(time.sleep, tasks(), 1)) as results:
        assert next(results) == (0.0, None)
        assert asked == [0.0]
