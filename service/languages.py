"""Which model answers which article: one answers all, or each those in its language."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tagdesk.models import Article, ArticleError, BundleError, TopicModel
from tagdesk.models.language import detect_among, detect_language, primary_language
from tagdesk.models.reading.article import ArticleText
from tagdesk.service.active import ActiveModel, ModelNotReady, Outcome
from tagdesk.service.example import EXAMPLE
from tagdesk.service.settings import OTHERS
from tagdesk.service.shadow import Shadow
from tagdesk.service.workers import Workers


@dataclass(frozen=True, slots=True)
class Languages:
    """The models that answer at one moment; a request takes them once, so that a swap never mixes two versions.

    Attributes:
        default: the model that answers every article whose language has no model of its own.
        by_language: the models by primary language (BCP 47); empty where one model answers all articles.
    """

    default: TopicModel
    by_language: Mapping[str, TopicModel]

    @property
    def models(self) -> dict[str, TopicModel]:
        """The models by their names, the default first."""
        return {model.name: model for model in (self.default, *self.by_language.values())}

    def model_for(self, article: Article) -> TopicModel:
        """Return the model that answers an article."""
        return self.models_for([article])[0]

    def models_for(self, articles: Sequence[Article]) -> list[TopicModel]:
        """Return the model that answers each of these articles.

        Its sender's word on the language counts, else py3langid's, if it is installed. Where the default is the model
        of a language, an article whose words it knows is in that language: detecting it takes four times as long as
        tagging.
        """
        if not self.by_language:
            return [self.default] * len(articles)
        languages = [primary_language(article.language) for article in articles]
        unnamed = [place for place, language in enumerate(languages) if language is None]
        read = {place: text for place in unnamed if (text := _text(articles[place]))}
        for place, language in zip(read, self._detected(list(read.values())), strict=True):
            languages[place] = language
        return [self.by_language.get(language or "", self.default) for language in languages]

    def _detected(self, texts: Sequence[ArticleText]) -> list[str | None]:
        if not texts:
            return []
        if self.default not in self.by_language.values():
            return [detect_language(text) for text in texts]
        known = self.default.knows(texts)
        return [
            None if knows else detect_among(text, self.by_language) for text, knows in zip(texts, known, strict=True)
        ]


class ActiveModels:
    """The models that answer, and none before all of them have tagged real articles.

    Each is loaded once, whatever number of languages it answers, and swapped by itself.

    Args:
        refs: what `tagdesk.load` takes, by language; `Settings.by_language` has them.
        workers: those who are told what is served.
        shadow: the model to compare with the active one of its name, or else with the default.
    """

    def __init__(self, refs: Mapping[str, str], workers: Workers | None = None, shadow: Shadow | None = None) -> None:
        self._workers = workers or Workers()
        self._shadow = shadow
        self._loader = ThreadPoolExecutor(1, "loader")  # one model at a time: the memory for it is needed only once
        self._languages: Languages | None = None
        first = refs.get(OTHERS) or next(iter(refs.values()))
        actives = {ref: ActiveModel(ref, self._workers, self._loader) for ref in dict.fromkeys([first, *refs.values()])}
        self._actives = list(actives.values())
        self._by_name: dict[str, ActiveModel] = {}
        self._by_language = {language: actives[ref] for language, ref in refs.items() if language != OTHERS}

    @property
    def languages(self) -> Languages:
        """The models that answer now.

        Raises:
            ModelNotReady: they are not loaded yet.
        """
        if self._languages is None:
            raise ModelNotReady("the model is being loaded: try again soon")
        return self._languages

    @property
    def example(self) -> dict[str, Any] | None:
        """The answer to `EXAMPLE`; None before `load`."""
        if self._languages is None:
            return None
        return self.named(self._languages.model_for(EXAMPLE).name).example

    def listen(self, listener: Callable[[Outcome, str], None]) -> None:
        """Call a function after every attempt to load a model, with the outcome and the model's name and version."""
        for active in self._actives:
            active.listeners.append(listener)

    def named(self, name: str) -> ActiveModel:
        """Return the model of this name.

        Raises:
            KeyError: there is none, or it is not loaded yet.
        """
        return self._by_name[name]

    def load(self) -> None:
        """Load the first models, and the shadow.

        Raises:
            BundleError: one cannot be used, or two have the same name.
        """
        if self._shadow is not None:
            self._shadow.load()
        for active in self._actives:
            active.load()
        check_names([active.model for active in self._actives])
        self._by_name = {active.model.name: active for active in self._actives}
        if self._shadow is not None:
            name = self._shadow.model.name if self._shadow.model else ""
            self._by_name.get(name, self._actives[0]).compare_with(self._shadow)
        self._note_swap()
        if self._by_language:
            detect_language(EXAMPLE.text())  # what it loads at its first use is loaded before a reader waits
        for active in self._actives:
            active.listeners.insert(0, self._note_swap)

    def _note_swap(self, *_: object) -> None:
        models = {language: active.model for language, active in self._by_language.items()}
        self._languages = Languages(self._actives[0].model, models)

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Load the models, then follow `CURRENT` and let the shadow compare, as long as the block runs."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._loader, self.load)
        async with AsyncExitStack() as stack:
            # In the loader's thread: a look that has begun there goes on, and publishes once more.
            stack.push_async_callback(loop.run_in_executor, self._loader, self._workers.withdraw)
            for active in self._actives:
                await stack.enter_async_context(active.following())
            yield


def check_names(models: Sequence[TopicModel]) -> None:
    """Check that each model has a name of its own, by which answers and the operator name it.

    Raises:
        BundleError: two have the same.
    """
    names = [model.name for model in models]
    if twice := {name for name in names if names.count(name) > 1}:
        raise BundleError(
            f"two models are called {min(twice)}: serve one version of it, or train one with another name"
        )


def _text(article: Article) -> ArticleText | None:
    try:
        return article.text()
    except ArticleError:  # whoever tags it says what is wrong
        return None
