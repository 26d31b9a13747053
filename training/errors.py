"""All errors of training, as one tree.

TagdeskError
└── TrainingError
    ├── CorpusError         a corpus cannot be read; lists its bad rows
    ├── LabelMapError       a label map is wrong
    ├── TooFewArticles      no topic has enough articles to learn from
    └── FetchError          an open corpus cannot be downloaded
"""

from tagdesk.models.errors import TagdeskError


class TrainingError(TagdeskError):
    """Base of the errors of training."""


class CorpusError(TrainingError):
    """A corpus file cannot be read, or has bad rows."""


class LabelMapError(TrainingError):
    """A label map is wrong, or a corpus has a label that its map does not know."""


class TooFewArticles(TrainingError, ValueError):
    """No topic has enough articles to learn from; a ValueError too, as scikit-learn's users expect of a fit."""


class FetchError(TrainingError):
    """An open corpus cannot be downloaded."""
