"""Names for articles: the URI that a format asks for, and an id for an article that has none."""

import re
from hashlib import blake2b
from urllib.parse import quote

from tagdesk.models import Article

_is_uri = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:[!#$%&'()*+,/:;=?@\[\]~A-Za-z0-9._-]+").fullmatch


def text_id(article: Article) -> str:
    """Return an id made of an article's title and body: the same text has the same one."""
    text = f"{article.title}\n{article.body or article.body_html}"
    return f"text-{blake2b(text.encode(), digest_size=8).hexdigest()}"


def item_uri(article: Article) -> str:
    """Return the article's id where it is a URI, else its address, else a URN of its id or its text."""
    for uri in (article.id, article.url):
        if uri and _is_uri(uri):
            return uri
    return f"urn:tagdesk:article:{quote(article.id or text_id(article), safe='')}"
