"""Learning at the desk: what people say was meant goes into the training files of this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Concatenate, ParamSpec, TypeVar

from desk.refusals import Unusable
from gateway import reach
from gateway.playbooks import Playbooks
from gateway.settings import Settings
from gateway.teaching import Decision, Teaching
from gateway.training_folder import training_folder
from nlu.training import TrainingDataMistakes
from storage.commits import Commits, Transaction

P = ParamSpec("P")
R = TypeVar("R")


class NotTaught(Unusable):
    """The training files cannot be read or written to."""


class Learning:
    """What the console teaches with (`web.console.house.Teaches`)."""

    def __init__(self, settings: Settings, commits: Commits, playbooks: Playbooks) -> None:
        self._settings = settings
        self._playbooks = playbooks
        self._house = _House(commits)

    async def intents(self) -> Sequence[str]:
        """What can be meant. Raises NotTaught."""
        try:
            return await asyncio.to_thread(lambda: self._teaching().intents())
        except (TrainingDataMistakes, OSError) as error:
            raise NotTaught(str(error)) from error

    async def teach(self, *, interaction: int, intent: str, by: str, text: str | None, anyway: bool) -> None:
        """Write the example and close the Review. Raises Refused."""
        decision = Decision(interaction=interaction, intent=intent, by=by, text=text, anyway=anyway)
        try:
            await self._teaching().teach(self._house, decision)
        except (TrainingDataMistakes, OSError) as error:
            raise NotTaught(str(error)) from error

    def _teaching(self) -> Teaching:
        lock = self._settings.data_dir / "reviewing.lock"
        return Teaching(training_folder(self._settings), lock=lock, entities=self._playbooks)


class _House(reach.House):
    running = True

    def __init__(self, commits: Commits) -> None:
        self._commits = commits

    async def do(self, verb: Callable[Concatenate[Transaction, P], R], *args: P.args, **arguments: P.kwargs) -> R:
        return await self._commits.run(lambda transaction: verb(transaction, *args, **arguments))
