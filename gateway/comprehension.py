"""Comprehension: what the engine gets to know of a text, from all who can tell.

The engine that understands, the words that mean "stop" wherever they stand, and the knowledge that may answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bot.heard import SOCIAL
from nlu.knowledge import KnowledgeIndex
from nlu.optout import OptOut, read
from nlu.understanding import Intent, Understander, Understanding

CERTAIN: dict[OptOut, Intent] = {
    OptOut.WITHDRAW: Intent(name="stop_marketing", confidence=1.0),
    OptOut.GRANT: Intent(name="start_marketing", confidence=1.0),
    OptOut.HELP: Intent(name="help", confidence=1.0),
}
NOTHING_SAID = Understanding(language=None, failure="no text")
SURE = 0.8
"""Confidence in plain manners from which the knowledge is not searched: nobody looks up a greeting."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """One text to be understood."""

    text: str
    whole_message: bool
    """On SMS a keyword counts only as the whole message."""


class Comprehension:
    """Understands texts."""

    def __init__(self, engine: Understander, knowledge: Callable[[], KnowledgeIndex]) -> None:
        self._engine = engine
        self._knowledge = knowledge

    @property
    def together(self) -> bool:
        """Many texts cost less in one call than one by one, and none of them waits for another."""
        return self._engine.batches

    async def understand(self, words: Sequence[Words]) -> list[Understanding]:
        """What the texts mean, in order. Never raises."""
        said = [place for place, one in enumerate(words) if one.text.strip()]
        if not said:
            return [NOTHING_SAID] * len(words)
        answers = [NOTHING_SAID] * len(words)
        understood = await self._engine.understand([words[place].text for place in said])
        for place, understanding in zip(said, understood, strict=True):
            answers[place] = self._with_certainties(words[place], understanding)
        return answers

    def _with_certainties(self, words: Words, understanding: Understanding) -> Understanding:
        word = read(words.text, whole_message=words.whole_message)
        intents = understanding.intents
        if word is OptOut.NONE and intents and intents[0].name in SOCIAL and intents[0].confidence >= SURE:
            return understanding
        candidates = self._knowledge().search(words.text, understanding.language)
        if word is OptOut.NONE:
            return replace(understanding, knowledge=candidates) if candidates else understanding
        certain = CERTAIN[word]
        others = tuple(intent for intent in intents if intent.name != certain.name)
        return replace(understanding, intents=(certain, *others), knowledge=candidates)
