"""The model being served: loaded and warmed before the first request."""

from typing import Any

from starlette.requests import Request

from models import Article, TopicModel, load
from models.answer import answer
from service.problems import Problem

EXAMPLE = Article(
    id="2026-11-23/storm",
    title="Storm cuts power to 40,000 homes along the west coast",
    body=(
        "Winds of up to 130 km/h brought down power lines and flooded roads overnight, and the weather service kept "
        "its warning for heavy rain in place until Tuesday evening. The electricity grid operator said most "
        "households would be reconnected by noon. Rescue workers evacuated two villages where a river had burst "
        "its banks; the government promised emergency aid to families who lost their homes in the floods."
    ),
    language="en",
)


class ActiveModel:
    """The model that answers, and none before it has tagged a real article.

    Args:
        ref: what `models.load` takes.

    Attributes:
        example: the model's own answer to `EXAMPLE`, shown in the API's description; None before `load`.
    """

    def __init__(self, ref: str) -> None:
        self.ref = ref
        self.example: dict[str, Any] | None = None
        self._model: TopicModel | None = None

    def load(self) -> None:
        """Load the model and tag articles with it, as text, as HTML and strange: what loads or compiles does so here.

        Raises:
            BundleError: it cannot be used.
        """
        model = load(self.ref)
        as_html = Article(title=EXAMPLE.title, body_html=f"<p>{EXAMPLE.body}</p>")
        model.tag(as_html, explain=True)
        model.tag(EXAMPLE, explain=True)
        model.tag(Article(body="zxqv wqzx vvkq " * 9))  # unknown words: what language is it?
        self.example = answer(model.tag(EXAMPLE), model.ref)
        self._model = model

    @property
    def model(self) -> TopicModel:
        """The model.

        Raises:
            Problem: not loaded yet.
        """
        if self._model is None:
            raise Problem("not-ready", "The model is being loaded: try again soon.", headers={"Retry-After": "2"})
        return self._model


def active_model(request: Request) -> TopicModel:
    """Return the model that answers this request."""
    active: ActiveModel = request.app.state.active
    return active.model
