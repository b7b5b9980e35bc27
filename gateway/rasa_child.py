"""A Rasa server of our own: where nothing else is set, the gateway runs one as its child."""

from __future__ import annotations

from contextlib import AsyncExitStack

import structlog

from gateway.settings import Settings
from nlu.rasa_models import Models
from nlu.rasa_project import RasaMissing, find_environment
from nlu.rasa_supervisor import Supervisor

log = structlog.get_logger(__name__)


def models_of(settings: Settings) -> Models:
    """The models that are served for this data folder."""
    return Models(settings.data_dir / "rasa")


def supervise(settings: Settings, stack: AsyncExitStack) -> Supervisor | None:
    """Starts Rasa, or uses the one that another process of this data folder runs; `stack` ends it. Returns at once.

    None where Rasa is not installed: the embedded engine answers, and the log says what is missing.
    """
    try:
        environment = find_environment()
    except RasaMissing as missing:
        log.error("rasa_missing", reason=str(missing))
        return None
    supervisor = Supervisor(environment, models_of(settings), token=token_of_settings(settings))
    supervisor.start()
    stack.push_async_callback(supervisor.stop)
    return supervisor


def token_of_settings(settings: Settings) -> str | None:
    """None: the data folder's own."""
    token = settings.nlu.rasa_token
    return token.get_secret_value() if token else None
