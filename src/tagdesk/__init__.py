"""A newsroom's topic tagger: an article in, its topics with calibrated confidence and evidence out.

>>> from tagdesk import Article, load
>>> model = load("news-en")
>>> for result in model.tag(Article(title="Envoy flies to Geneva", body="Ministers signed a ceasefire.")).topics:
...     print(result.topic.id, round(result.confidence, 2), result.band)

The folders `archive/`, `formats/`, `models/`, `service/` and `training/` of the repository are this package's rooms,
linked into it.
"""

from typing import TYPE_CHECKING, Any

from tagdesk import models

if TYPE_CHECKING:
    from tagdesk.models import *  # noqa: F403 - the public names stand in one place

    __version__: str

__all__ = ["__version__"]
__all__ += models.__all__


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is: the command line's help needs none of it."""
    if name == "__version__":
        from importlib.metadata import version

        return version("tagdesk")
    if name in __all__:
        return getattr(models, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
