"""Which engine understands: the embedded one, or Rasa with the embedded one standing by."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from gateway.metrics import Metrics
from gateway.relearning import Relearning, forget_old_models
from gateway.settings import Settings
from gateway.training_folder import OURS, training_folder
from nlu.embedded import Embedded, ensure_trained
from nlu.understanding import FindsEntities, Understander

TRAINING_DATA = OURS


async def understander(
    settings: Settings, entities: FindsEntities, metrics: Metrics, stack: AsyncExitStack
) -> Understander:
    """The engine of the settings; `stack` closes it. The embedded one is trained first, when its data changed.

    Raises nlu.training.TrainingDataMistakes or nlu.embedded.TrainingFailed.
    """
    embedded = await _embedded(settings, entities, stack)
    nlu = settings.nlu
    if nlu.engine == "embedded":
        return embedded
    from nlu.fallback import WithFallback

    rasa = _rasa(settings, entities, stack)
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


def _rasa(settings: Settings, entities: FindsEntities, stack: AsyncExitStack) -> Understander | None:
    """The server at the address of the settings; without one, a child of ours. None where that cannot be."""
    from gateway.rasa_child import supervise, token_of_settings
    from nlu.rasa_client import Rasa, RasaSettings

    nlu = settings.nlu
    if nlu.rasa_url is not None:
        where = RasaSettings(url=nlu.rasa_url, token=token_of_settings(settings), timeout=nlu.timeout)
    elif (ours := supervise(settings, stack)) is not None:
        where = RasaSettings(url=lambda: ours.url, token=ours.token, model=lambda: ours.told.model, timeout=nlu.timeout)
    else:
        return None
    rasa = Rasa(where, entities=entities)
    close: Callable[[], Awaitable[None]] = rasa.close
    stack.push_async_callback(close)
    return rasa


async def _embedded(settings: Settings, entities: FindsEntities, stack: AsyncExitStack) -> Relearning:
    """Trained on what the training files say, now and whenever they change."""
    folder, models = training_folder(settings), settings.data_dir / "models"

    def learn() -> Embedded:
        path = ensure_trained(folder, models)
        forget_old_models(models, "embedded-*.npz")
        return Embedded.load(path, entities)

    relearning = await Relearning.begin(folder, learn)
    stack.push_async_callback(relearning.stop)
    relearning.watch()
    return relearning
