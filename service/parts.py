"""What one worker works with, made once from its settings: routes and the edge take their parts from here."""

from dataclasses import dataclass

from starlette.requests import HTTPConnection

from tagdesk.models import TopicModel
from tagdesk.service.active import ActiveModel
from tagdesk.service.edge.keys import KeyRing
from tagdesk.service.edge.limits import Limits
from tagdesk.service.edge.metrics import Metrics
from tagdesk.service.edge.problems import wrong_parameter
from tagdesk.service.edge.sessions import Sessions
from tagdesk.service.languages import ActiveModels, Languages
from tagdesk.service.ledger.drift import Drift
from tagdesk.service.ledger.ledger import Ledger
from tagdesk.service.settings import Settings
from tagdesk.service.shadow import Shadow
from tagdesk.service.stopping import Stopping
from tagdesk.service.workers import Workers


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one worker.

    Attributes:
        settings: what the service was started with.
        metrics: what is counted.
        workers: all workers of the service, this one among them.
        shadow: the model that is compared with the active one; None where none is named.
        active: the models that answer.
        ledger: corrections, the queue and sessions.
        drift: how corrections change from week to week.
        stopping: whether the process has been told to stop.
        ring: the keys; None where no key is required.
        sessions: those of the desk.
        limits: how much a client may ask for.
    """

    settings: Settings
    metrics: Metrics
    workers: Workers
    shadow: Shadow | None
    active: ActiveModels
    ledger: Ledger
    drift: Drift
    stopping: Stopping
    ring: KeyRing | None
    sessions: Sessions
    limits: Limits


def parts_of(request: HTTPConnection) -> Parts:
    """Return the parts of the worker that answers a request."""
    parts: Parts = request.app.parts
    return parts


def languages_of(request: HTTPConnection) -> Languages:
    """Return the models that answer a request.

    Raises:
        ModelNotReady: they are not loaded yet.
    """
    return parts_of(request).active.languages


def active_of(request: HTTPConnection, name: str | None) -> ActiveModel:
    """Return the model that a request names, or else the default.

    Raises:
        ModelNotReady: they are not loaded yet.
        Problem: no such model is served.
    """
    active = parts_of(request).active
    models = active.languages.models
    if name is not None and name not in models:
        raise wrong_parameter("model", f"must be the name of a model that is served: {', '.join(models)}")
    return active.named(name or next(iter(models)))


def model_of(request: HTTPConnection, name: str | None) -> TopicModel:
    """Return the model that a request names, or else the default, as it answers now.

    Raises:
        ModelNotReady: they are not loaded yet.
        Problem: no such model is served.
    """
    return active_of(request, name).model
