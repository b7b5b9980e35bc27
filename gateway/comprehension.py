"""Comprehension: what the engine gets to know of a text, from all who can tell.

The engine that understands, the words that mean "stop" wherever they stand, and the knowledge that may answer. Texts
that arrive together are understood in one call where the engine batches.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from nlu.knowledge import KnowledgeIndex
from nlu.optout import OptOut, read
from nlu.understanding import Intent, Understander, Understanding

CERTAIN: dict[OptOut, Intent] = {
    OptOut.WITHDRAW: Intent(name="stop_marketing", confidence=1.0),
    OptOut.GRANT: Intent(name="start_marketing", confidence=1.0),
    OptOut.HELP: Intent(name="help", confidence=1.0),
}
NOTHING_SAID = Understanding(language=None, failure="no text")


class Comprehension:
    """Understands texts; whoever asks in the same moment shares a call."""

    def __init__(self, engine: Understander, knowledge: Callable[[], KnowledgeIndex]) -> None:
        self._engine = engine
        self._knowledge = knowledge
        self._asked: list[tuple[str, asyncio.Future[Understanding]]] = []

    async def understand(self, text: str, *, whole_message: bool) -> Understanding:
        """What one text means. `whole_message`: on SMS a keyword counts only as the whole message."""
        if not text.strip():
            return NOTHING_SAID
        understanding = await self._ask(text)
        return self._with_certainties(text, understanding, whole_message=whole_message)

    async def _ask(self, text: str) -> Understanding:
        if not self._engine.batches:
            return (await self._engine.understand([text]))[0]
        answer: asyncio.Future[Understanding] = asyncio.get_running_loop().create_future()
        if not self._asked:
            asyncio.get_running_loop().call_soon(self._flush)
        self._asked.append((text, answer))
        return await answer

    def _flush(self) -> None:
        asked, self._asked = self._asked, []
        asyncio.get_running_loop().create_task(self._answer(asked))

    async def _answer(self, asked: Sequence[tuple[str, asyncio.Future[Understanding]]]) -> None:
        understandings = await self._engine.understand([text for text, _ in asked])
        for (_, answer), understanding in zip(asked, understandings, strict=True):
            if not answer.done():
                answer.set_result(understanding)

    def _with_certainties(self, text: str, understanding: Understanding, *, whole_message: bool) -> Understanding:
        candidates = self._knowledge().search(text, understanding.language)
        word = read(text, whole_message=whole_message)
        if word is OptOut.NONE:
            return replace(understanding, knowledge=candidates) if candidates else understanding
        certain = CERTAIN[word]
        others = tuple(intent for intent in understanding.intents if intent.name != certain.name)
        return replace(understanding, intents=(certain, *others), knowledge=candidates)
