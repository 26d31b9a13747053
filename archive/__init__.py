"""How millions of articles are tagged at once: files in, files out, on every core or on a Dask cluster.

>>> from tagdesk.archive import tag_batch
>>> tag_batch(pyarrow.RecordBatch.from_pylist([{"id": "a-1", "body": "Ministers signed a ceasefire."}]))

batch.py     a batch of articles to a batch of answers: what every engine calls
places.py    files and folders, here or in an object store: found, opened, written whole
parts.py     an archive cut into parts; a part to batches of articles
records.py   what is written down of each part that is done, by which a second run knows it; what another model changed
tagging.py   one part: the task that is done on whatever core or machine
run.py       an archive: what is to be done, done, counted
sample.py    a few articles of it, and a report
commands.py  the command `archive`
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tagdesk.archive.batch import ANSWERS, tag_batch

__all__ = ["ANSWERS", "tag_batch"]


def __getattr__(name: str) -> Any:
    """Import the batch when it is asked for: it needs pyarrow."""
    if name in __all__:
        from tagdesk.archive import batch

        return getattr(batch, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
