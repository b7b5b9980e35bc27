"""Which engine understands: the embedded one, or Rasa with the embedded one standing by."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

from gateway.metrics import Metrics
from gateway.settings import Settings
from nlu.embedded import Embedded, ensure_trained
from nlu.understanding import FindsEntities, Understander

TRAINING_DATA = Path(__file__).parent.parent / "nlu" / "rasa" / "data"


async def understander(
    settings: Settings, entities: FindsEntities, metrics: Metrics, stack: AsyncExitStack
) -> Understander:
    """The engine of the settings; `stack` closes it. The embedded one is trained first, when its data changed.

    Raises nlu.training.TrainingDataMistakes or nlu.embedded.TrainingFailed.
    """
    path = await asyncio.to_thread(ensure_trained, TRAINING_DATA, settings.data_dir / "models")
    embedded = Embedded.load(path, entities)
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
