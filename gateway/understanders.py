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
    if nlu.engine == "embedded" or nlu.rasa_url is None:
        return embedded
    from nlu.fallback import WithFallback
    from nlu.rasa_client import Rasa, RasaSettings

    rasa = Rasa(
        RasaSettings(
            url=nlu.rasa_url,
            token=nlu.rasa_token.get_secret_value() if nlu.rasa_token else None,
            timeout=nlu.timeout,
        ),
        entities=entities,
    )
    close: Callable[[], Awaitable[None]] = rasa.close
    stack.push_async_callback(close)
    return WithFallback(
        rasa,
        embedded,
        timeout=nlu.timeout,
        failures_to_open=nlu.breaker_failures,
        pause=nlu.breaker_pause,
        took=metrics.understood,
        fell_back=metrics.fell_back,
    )


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
