"""What each route demands of a request: declared beside the route, looked up before anything else happens."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from starlette.routing import BaseRoute
from starlette.types import ASGIApp


@dataclass(frozen=True, slots=True)
class Rules:
    """What a route demands of a request.

    Attributes:
        template: the route's path with its parameters' names, used in logs and metrics.
        scope: the scope that the key must have; None where no key is required.
        changes: whether even a GET changes something, so that no other site's page may make a browser send it.
        invalid: the kind of problem of an invalid body.
        annif: whether its problems are as Annif's specification has them.
        direct: answers a request without a query, bypassing FastAPI; None where FastAPI reads it.
    """

    template: str
    scope: str | None
    changes: bool = False
    invalid: str = "invalid-article"
    annif: bool = False
    direct: ASGIApp | None = None


UNKNOWN = Rules("unknown", "admin")
"""The rules for a path that no route has."""


class RuleBook:
    """The rules of all routes.

    Args:
        routes: the app's; a route that declares no `rules` is unknown, and never answers.
    """

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        self._by_path: dict[str, dict[str, Rules]] = {}
        self._patterns: list[tuple[re.Pattern[str], dict[str, Rules]]] = []
        for route in routes:
            self._add(route)

    def of(self, method: str, path: str) -> Rules:
        """Return the rules for a request; for a method that the path does not have, those of its first method."""
        if "\n" in path:  # `$` also matches before it: the path would be a route's, without that route's rules
            return UNKNOWN
        methods = self._by_path.get(path) or self._matching(path)
        if methods is None:
            return UNKNOWN
        return methods.get(method) or replace(next(iter(methods.values())), direct=None)

    def _add(self, route: Any) -> None:
        rules: Rules | None = getattr(route, "rules", None)
        if rules is None:
            return
        new = route.path not in self._by_path
        methods = self._by_path.setdefault(route.path, {})
        methods.update(dict.fromkeys(route.methods, rules))
        if new and "{" in route.path:
            self._patterns.append((route.path_regex, methods))

    def _matching(self, path: str) -> dict[str, Rules] | None:
        return next((methods for pattern, methods in self._patterns if pattern.match(path)), None)
