"""Have everything compiled before a reader waits, and say so: numba compiles at first calls, a minute in all."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TextIO

from numba.core import event

from tagdesk.models import kernel
from tagdesk.models.errors import BundleError
from tagdesk.models.reading.article import Article
from tagdesk.models.reading.normal_form import LATEST
from tagdesk.models.topic_model import TopicModel

_EXAMPLES = (
    Article(title="Fire in İzmir", body_html="<p>Fire fighters &amp; police&nbsp;came.</p><p>Nobody was hurt.</p>"),
    Article(title="Fire in İzmir", body="Fire fighters and police came.\nNobody was hurt."),
    Article(
        body_html="<!doctype html><body><nav>News</nav><p>Fire fighters and police came.</p></body>"
    ),  # a whole page
    Article(body="zxqv wqzx vvkq " * 9),  # unknown words: what language is it?
    Article(body="Fire figh\u00adters &amp;amp; 警察が来た。"),  # rewritten, and cut into pieces
)

_ONCE = "Compiling, once, about a minute "
_ALWAYS = (
    "Compiling, about a minute at every start, because the result cannot be cached: "
    "set NUMBA_CACHE_DIR to a writable folder "
)


def warm_up(model: TopicModel) -> None:
    """Tag articles of every kind, with evidence: what is compiled or built at its first use is so afterwards.

    They are tagged once more as if the model had the latest version of the reading, and parts of words, so that a model
    that has finds everything compiled.

    This is the one list of what there is to compile, for the command `compile` as for the service before it answers.
    What is compiled is kept on disk, where every later process finds it.

    Raises:
        BundleError: the model cannot tag them.
    """
    settings = replace(model.features.settings, reading=LATEST, shortest_part=3, longest_part=5)
    latest = replace(model, features=replace(model.features, settings=settings))
    try:
        for example in _EXAMPLES:
            model.tag(example, explain=True)
            latest.tag(example, explain=True)
    except Exception as error:
        raise BundleError(f"{model.ref} fails with {type(error).__name__} when it is tried") from error


@contextmanager
def announced(stream: TextIO) -> Iterator[None]:
    """Say on `stream` that functions are compiled, if they are while the block runs, with a dot for each.

    Where what is compiled cannot be kept, it says what to set.
    """
    progress = _Progress(stream)
    try:
        with event.install_listener("numba:compile", progress):
            yield
    finally:
        progress.finish()


class _Progress(event.Listener):
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._functions: set[str] = set()

    def on_start(self, compiling: Any) -> None:
        function = compiling.data["dispatcher"].py_func
        if not function.__module__.startswith("tagdesk.") or function.__qualname__ in self._functions:
            return
        if not self._functions:
            self._stream.write(_ONCE if kernel.score.stats.cache_path else _ALWAYS)  # type: ignore[attr-defined]
        self._functions.add(function.__qualname__)
        self._stream.write(".")
        self._stream.flush()

    def on_end(self, compiling: Any) -> None:
        pass

    def finish(self) -> None:
        if self._functions:
            self._stream.write(" done\n")
            self._stream.flush()
