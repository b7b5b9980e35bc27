"""Which engine understands: the embedded one, or Rasa with the embedded one standing by."""

from __future__ import annotations

import asyncio
from pathlib import Path

from gateway.settings import Settings
from nlu.embedded import Embedded, ensure_trained
from nlu.understanding import Understander

TRAINING_DATA = Path(__file__).parent.parent / "nlu" / "rasa" / "data"


async def embedded(settings: Settings) -> Embedded:
    """The embedded engine; trained first, in a child process, when its data changed."""
    path = await asyncio.to_thread(ensure_trained, TRAINING_DATA, settings.data_dir / "models")
    return Embedded.load(path)


async def understander(settings: Settings) -> Understander:
    """The engine of the settings."""
    return await embedded(settings)
