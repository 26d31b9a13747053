"""Where the corpora of a config are."""

import os
from pathlib import Path

from tagdesk.training.config import Config
from tagdesk.training.errors import CorpusError

SHARED = Path("../shared/data")
FETCHED = Path("var/corpora")


def corpus_folder() -> Path:
    """Return the folder of the corpora: `CORPUS_DIR`, or `../shared/data/corpora` if it exists, or `var/corpora`."""
    from_environment = os.environ.get("CORPUS_DIR")
    if from_environment:
        return Path(from_environment)
    shared = SHARED / "corpora"
    return shared if shared.is_dir() else FETCHED


def need_corpora(config: Config, folder: Path) -> None:
    """Check that the corpora of a config exist.

    Raises:
        CorpusError: naming those that are missing.
    """
    missing = [name for name in config.corpora if not (folder / name).exists()]
    if missing:
        raise CorpusError(
            f"{', '.join(missing)} not found in {folder}: run `tagdesk data`, or set CORPUS_DIR to the folder that has "
            "them"
        )
