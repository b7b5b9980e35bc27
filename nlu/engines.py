"""The engines that can be trained on anybody's examples and asked at once: by name, for evaluation and comparison."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from nlu.training import Example
from nlu.understanding import Understanding


class EngineMissing(Exception):
    """The engine is not installed on this machine; the message says which command installs it."""


class Engine(Protocol):
    """A trained engine."""

    name: str
    threshold: float
    """Operating threshold: an answer of less confidence is a refusal. 0 where only the engine itself refuses."""
    processes: Sequence[int]
    """Ids of the child processes that answer for it: their memory is the engine's."""

    def understand_now(self, texts: Sequence[str]) -> Sequence[Understanding]:
        """One Understanding a text, in order, on the caller's time. Never raises."""
        ...

    def close(self) -> None:
        """Ends processes and connections; the engine answers nothing afterwards."""
        ...


Train = Callable[[Sequence[Example], Path], Engine]
"""Trains on the examples, whose intents may have any name, and keeps its files in the folder.

Raises EngineMissing, or nlu.embedded.TrainingFailed.
"""


def _embedded(examples: Sequence[Example], folder: Path) -> Engine:
    from nlu.embedded import Embedded, train
    from nlu.entities import Entities

    return Embedded.load(train(examples, folder), Entities())


def _semantic(examples: Sequence[Example], folder: Path) -> Engine:
    from nlu.encoder import MISSING, Encoder, EncoderMissing, installed
    from nlu.entities import Entities
    from nlu.semantic import Semantic, train

    if not installed():
        raise EngineMissing(MISSING)
    try:
        return Semantic.load(*train(examples, folder), Encoder.load(), Entities())
    except EncoderMissing as error:
        raise EngineMissing(str(error)) from error


def _rasa(examples: Sequence[Example], folder: Path) -> Engine:
    from nlu.rasa_engine import train
    from nlu.rasa_project import RasaMissing, find_environment

    try:
        environment = find_environment()
    except RasaMissing as missing:
        raise EngineMissing(str(missing)) from None
    return train(environment, examples, folder)


ENGINES: dict[str, Train] = {"embedded": _embedded, "semantic": _semantic, "rasa": _rasa}
