"""Knowledge by meaning, where the sentence encoder is there: what words do not find, in whatever language it stands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import structlog

from bot.playbook import Playbook
from nlu.encoder import Encoder, EncoderMissing, KeptEncodings
from nlu.meaning import MeaningIndex, is_chinese, is_weak, merged
from nlu.understanding import Understanding

log = structlog.get_logger(__name__)

MOST_WAITING = 16
"""Texts that may wait for the encoder, some 20 ms each; what comes then is answered by words alone."""
PIECE = 16
"""Questions of a playbook that are read at once."""
CERTAIN = 0.8
"""Confidence in what somebody wants from which no knowledge is looked for by meaning, but for questions."""
QUESTION = "_question"
"""How the intents of questions end."""


class Meanings:
    """Looks again, by meaning, for what the index of words was not sure of."""

    def __init__(self, encoder: Encoder, kept: Path, playbook: Callable[[], Playbook]) -> None:
        """`kept` is the file of encodings, `playbook` the one in force."""
        self._encoder = encoder
        self._playbook = playbook
        self._kept = KeptEncodings(kept, encoder)
        self._index: MeaningIndex | None = None
        self._of = ""
        self._building: asyncio.Task[None] | None = None
        self._waiting = 0

    async def improve(self, texts: Sequence[str], understood: Sequence[Understanding]) -> list[Understanding]:
        """The Understandings, with the knowledge that the texts mean where their words found little. Never raises.

        While a new playbook is being read, its words alone are searched.
        """
        answers = list(understood)
        index = self._index_of(self._playbook())
        if index is None:
            return answers
        weak = [place for place, text in enumerate(texts) if self._asks(text, answers[place])]
        weak = weak[: max(0, MOST_WAITING - self._waiting)]
        if not weak:
            return answers
        self._waiting += len(weak)
        try:
            encodings = await asyncio.to_thread(self._encoder.encode, [texts[place] for place in weak])
        finally:
            self._waiting -= len(weak)
        for place, encoding in zip(weak, encodings, strict=True):
            chinese = is_chinese(texts[place], answers[place].language)
            found = merged(answers[place].knowledge, index.search(encoding, chinese=chinese))
            answers[place] = replace(answers[place], knowledge=found)
        return answers

    async def settle(self) -> None:
        """Wait until the playbook that was asked about last has been read."""
        if self._building is not None:
            await asyncio.wait([self._building])

    async def stop(self) -> None:
        """Leave a playbook half read: what was read of it is kept."""
        if self._building is not None:
            self._building.cancel()
            with suppress(asyncio.CancelledError):
                await self._building

    def _asks(self, text: str, answer: Understanding) -> bool:
        if not text.strip() or not is_weak(answer.knowledge, text):
            return False
        intent = answer.intent
        return intent is None or intent.confidence < CERTAIN or intent.name.endswith(QUESTION)

    def _index_of(self, playbook: Playbook) -> MeaningIndex | None:
        if self._of == playbook.fingerprint:
            return self._index
        if self._building is None or self._building.done():
            self._building = asyncio.create_task(self._build(playbook), name="meanings")
        return None

    async def _build(self, playbook: Playbook) -> None:
        questions = [question for document in playbook.documents() for question in document.questions]
        for start in range(0, len(questions), PIECE):  # customers' messages are read in between
            await asyncio.to_thread(self._kept.encode, questions[start : start + PIECE])
        index = await asyncio.to_thread(MeaningIndex, playbook.documents(), self._kept)
        self._index, self._of = index, playbook.fingerprint
        log.info("knowledge_by_meaning", fingerprint=playbook.fingerprint)


def meanings_of(models: Path, playbook: Callable[[], Playbook]) -> Meanings | None:
    """With the encoder of this process; None where there is none. Takes a fraction of a second."""
    try:
        return Meanings(Encoder.shared(), models / "encodings.sqlite3", playbook)
    except EncoderMissing:
        return None
