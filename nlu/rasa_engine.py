"""Rasa as an engine to be trained on anybody's examples and asked at once, for evaluation and comparison."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import threading
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, cast

import yaml

from nlu import rasa_project
from nlu.embedded import TrainingFailed
from nlu.entities import Entities
from nlu.rasa_client import OUT_OF_SCOPE, Rasa, RasaSettings
from nlu.rasa_project import PROJECT, Environment
from nlu.rasa_server import RasaServer, ServerFailed
from nlu.training import ENTITY_KINDS, Example
from nlu.understanding import Intent, Understanding

SECONDS = 30.0
"""That a message may take: evaluation waits for every answer."""
T = TypeVar("T")


def train(environment: Environment, examples: Sequence[Example], folder: Path, *, epochs: int | None = None) -> Trained:
    """Trains with the Rasa project's pipeline, and starts a server with the model. Takes minutes.

    Raises nlu.embedded.TrainingFailed.
    """
    names = _plain_names(examples)
    plain = [_plain(example, names[example.intent]) for example in examples]
    model = folder / "rasa.tar.gz"
    rasa_project.train(environment, plain, model, epochs=epochs)
    return Trained(environment, model, {plain: name for name, plain in names.items()})


def fallback_threshold() -> float:
    """Of the project's FallbackClassifier: what is less sure counts as not understood."""
    said = cast("dict[str, list[dict[str, Any]]]", yaml.safe_load((PROJECT / "config.yml").read_text()))
    return float(next(each["threshold"] for each in said["pipeline"] if each["name"] == "FallbackClassifier"))


def _plain_names(examples: Sequence[Example]) -> Mapping[str, str]:
    """Rasa reads a meaning into some characters of an intent's name (`/`, `+`): while it learns, it is a number."""
    intents = sorted({example.intent for example in examples})
    return {name: name if name == OUT_OF_SCOPE else f"intent_{number}" for number, name in enumerate(intents)}


def _plain(example: Example, intent: str) -> Example:
    """With the entities that our project knows."""
    entities = tuple(entity for entity in example.entities if entity.kind in ENTITY_KINDS)
    return replace(example, intent=intent, entities=entities)


class Trained:
    """A model in a server of its own."""

    name = "rasa"

    def __init__(self, environment: Environment, model: Path, names: Mapping[str, str]) -> None:
        """`names`: of the intents, by what the model calls them. Raises TrainingFailed where it cannot be served."""
        self.threshold = fallback_threshold()
        self._names = names
        self._token = secrets.token_urlsafe(32)
        self._server = RasaServer(environment, token=self._token, log=model.with_name("rasa-server.log"))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="rasa", daemon=True)
        self._thread.start()
        try:
            self._wait(self._start(model))
        except ServerFailed as error:
            self.close()
            raise TrainingFailed(str(error)) from error
        except BaseException:
            self.close()
            raise
        self.processes: Sequence[int] = (self._server.pid,)

    def understand_now(self, texts: Sequence[str]) -> Sequence[Understanding]:
        """Through `/model/parse`, many at a time. Never raises."""
        return [self._renamed(said) for said in self._wait(self._client.understand(texts))]

    async def understand(self, texts: Sequence[str]) -> Sequence[Understanding]:
        """The same, for a caller with a loop of its own."""
        return await asyncio.to_thread(self.understand_now, texts)

    def close(self) -> None:
        """Ends the server."""
        if self._loop.is_closed():
            return
        with contextlib.suppress(ServerFailed):
            self._wait(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _renamed(self, said: Understanding) -> Understanding:
        return replace(said, intents=self._of(said.intents), guesses=self._of(said.guesses))

    def _of(self, intents: Sequence[Intent]) -> tuple[Intent, ...]:
        return tuple(replace(intent, name=self._names.get(intent.name, intent.name)) for intent in intents)

    async def _start(self, model: Path) -> None:
        settings = RasaSettings(
            url=lambda: self._server.url, token=self._token, model=lambda: self._server.loaded, timeout=SECONDS
        )
        self._client = Rasa(settings, Entities())
        await self._server.__aenter__()
        await self._server.start(model)

    async def _end(self) -> None:
        await self._client.close()
        await self._server.__aexit__()

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()
