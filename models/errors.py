"""All errors of Tagdesk's models, as one tree. Nothing here knows about HTTP; the service maps them in one table.

TagdeskError
├── ArticleError            the article cannot be read; `field` says which part of it
│   ├── EmptyArticle
│   └── ArticleTooLong
├── CannotRead              a file of articles cannot be read
├── BundleError             a model on disk cannot be used
│   ├── BundleNotFound
│   └── CurrentChanged
└── TaxonomyError           the topics' file is wrong
"""


class TagdeskError(Exception):
    """Base of every error that Tagdesk raises on purpose; its message is one sentence, for people."""


class ArticleError(TagdeskError):
    """An article that cannot be read.

    Attributes:
        field: the article's field at fault (`title`, `body`, `body_html` …), or `""` for the whole.
    """

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class EmptyArticle(ArticleError):
    """Nothing to read: no title and no body, or only furniture and white space."""


class ArticleTooLong(ArticleError):
    """A field is longer than its limit."""


class CannotRead(TagdeskError):
    """A file of articles cannot be read, as a whole or from some place on."""


class BundleError(TagdeskError):
    """A bundle is damaged, incomplete or of another format."""


class BundleNotFound(BundleError):
    """No bundle of that name or version is in the store."""


class CurrentChanged(BundleError):
    """The current version is no longer the one to be replaced: somebody else was faster."""


class TaxonomyError(TagdeskError):
    """A taxonomy file is wrong."""
