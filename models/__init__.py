"""What a topic model is: article, text, features, scores, confidence, evidence, bundle.

>>> from models import Article, load
>>> model = load("news-en")
>>> for found in model.tag(Article(title="Envoy flies to Geneva", body="Ministers signed a ceasefire.")).topics:
...     print(found.topic.id, round(found.confidence, 2), found.band)
"""

from models.article import Article
from models.errors import (
    ArticleError,
    ArticleTooLong,
    BundleError,
    BundleNotFound,
    EmptyArticle,
    TagdeskError,
    TaxonomyError,
)
from models.storage import load
from models.taxonomy import Taxonomy, Topic
from models.topic_model import Evidence, TaggedArticle, TopicModel, TopicResult

__all__ = [
    "Article",
    "ArticleError",
    "ArticleTooLong",
    "BundleError",
    "BundleNotFound",
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
