"""Which engine understands: the embedded one, the semantic one, or Rasa; the embedded one stands by."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from contextlib import AsyncExitStack
from pathlib import Path

import structlog

from gateway.metrics import Metrics
from gateway.relearning import Relearning, forget_old_models
from gateway.settings import Settings
from gateway.training_folder import OURS, training_folder
from nlu.arrays import ModelUnreadable
from nlu.embedded import Embedded, TrainingFailed, ensure_trained
from nlu.encoder import Encoder, EncoderMissing, installed
from nlu.training import TrainingDataMistakes
from nlu.understanding import FindsEntities, Understander

log = structlog.get_logger(__name__)

TRAINING_DATA = OURS


async def understander(
    settings: Settings, entities: FindsEntities, metrics: Metrics, stack: AsyncExitStack
) -> Understander:
    """The engine of the settings; `stack` closes it. The embedded one is trained first, when its data changed.

    Raises nlu.training.TrainingDataMistakes or nlu.embedded.TrainingFailed.
    """
    embedded = await _trained(settings, entities, stack)
    nlu = settings.nlu
    if nlu.engine != "rasa":
        return embedded
    from nlu.fallback import WithFallback

    rasa = _rasa(settings, entities, stack, intents=lambda: _intents(embedded.engine))
    if rasa is None:
        return embedded
    return WithFallback(
        rasa,
        embedded,
        timeout=nlu.timeout,
        failures_to_open=nlu.breaker_failures,
        pause=nlu.breaker_pause,
        took=metrics.understood,
        fell_back=metrics.fell_back,
        turned=metrics.circuit,
    )


def _intents(engine: Understander) -> Collection[str]:
    """What the training data in force can mean."""
    return engine.intents if isinstance(engine, Embedded) else ()


def _rasa(
    settings: Settings, entities: FindsEntities, stack: AsyncExitStack, *, intents: Callable[[], Collection[str]]
) -> Understander | None:
    """The server at the address of the settings; without one, a child of ours. None where that cannot be."""
    from gateway.rasa_child import supervise, token_of_settings
    from nlu.rasa_client import Rasa, RasaSettings

    nlu = settings.nlu
    if nlu.rasa_url is not None:
        where = RasaSettings(url=nlu.rasa_url, token=token_of_settings(settings), timeout=nlu.timeout, intents=intents)
    elif (ours := supervise(settings, stack)) is not None:
        where = RasaSettings(
            url=lambda: ours.url,
            token=ours.token,
            model=lambda: ours.told.model,
            timeout=nlu.timeout,
            intents=intents,
        )
    else:
        return None
    rasa = Rasa(where, entities=entities)
    close: Callable[[], Awaitable[None]] = rasa.close
    stack.push_async_callback(close)
    return rasa


async def _trained(settings: Settings, entities: FindsEntities, stack: AsyncExitStack) -> Relearning:
    """Trained on what the training files say, now and whenever they change."""
    folder, models = training_folder(settings), settings.data_dir / "models"

    started = False

    def learn() -> Understander:
        nonlocal started
        path = ensure_trained(folder, models)
        forget_old_models(models, "embedded-*.npz")
        easy = Embedded.load(path, entities)
        if settings.nlu.engine != "semantic":
            return easy
        at_start, started = not started, True
        return _semantic(settings, easy, folder, models, at_start=at_start)

    relearning = await Relearning.begin(folder, learn)
    stack.push_async_callback(relearning.stop)
    relearning.watch()
    return relearning


def _semantic(settings: Settings, easy: Embedded, folder: Path, models: Path, *, at_start: bool) -> Understander:
    """The embedded engine with the encoder behind it.

    Nobody waits for it at a start: where it has to learn first, which takes minutes, the embedded engine answers until
    then. Where it cannot be, the embedded one answers alone, with the reason in every answer.
    """
    from nlu.semantic import Growing, Semantic, WithoutEncoder, ensure_trained, model_file
    from nlu.semantic_model import SemanticModel

    def grown() -> Understander:
        try:
            encoder = Encoder.shared()
            model = SemanticModel.load(ensure_trained(folder, models))
        except (EncoderMissing, TrainingFailed, TrainingDataMistakes, ModelUnreadable) as error:
            log.error("semantic_engine_missing", reason=str(error))
            return WithoutEncoder(easy, str(error))
        forget_old_models(models, "semantic-*.npz")
        log.info("semantic_engine", model=model.fingerprint)
        return Semantic(easy, model, encoder, patience=settings.nlu.timeout)

    if not at_start or model_file(folder, models).exists() or not installed():
        return grown()
    log.info("semantic_engine_learns", folder=str(folder))
    return Growing(WithoutEncoder(easy, "it is still learning"), grown)
