"""Topic models: from an article to its topics, with confidence and evidence, and a model on disk.

>>> from tagdesk.models import Article, load
>>> model = load("news-en")
>>> for result in model.tag(Article(title="Envoy flies to Geneva", body="Ministers signed a ceasefire.")).topics:
...     print(result.topic.id, round(result.confidence, 2), result.band)
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tagdesk.models.errors import (
        ArticleError,
        ArticleTooLong,
        BundleError,
        BundleNotFound,
        CurrentChanged,
        EmptyArticle,
        TagdeskError,
        TaxonomyError,
    )
    from tagdesk.models.reading.article import Article
    from tagdesk.models.storage import load
    from tagdesk.models.taxonomy import Taxonomy, Topic
    from tagdesk.models.topic_model import Evidence, TaggedArticle, TopicModel, TopicResult

__all__ = [
    "Article",
    "ArticleError",
    "ArticleTooLong",
    "BundleError",
    "BundleNotFound",
    "CurrentChanged",
    "EmptyArticle",
    "Evidence",
    "TagdeskError",
    "TaggedArticle",
    "Taxonomy",
    "TaxonomyError",
    "Topic",
    "TopicModel",
    "TopicResult",
    "load",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is: numba takes a second, and `tagdesk --help` does without."""
    if name in __all__:
        from tagdesk.models import errors, storage, taxonomy, topic_model
        from tagdesk.models.reading import article

        for module in (errors, article, storage, taxonomy, topic_model):
            if hasattr(module, name):
                return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
