"""Comprehension: what the engine gets to know of a text, from all who can tell.

The engine that understands, the words that mean "stop" wherever they stand, and the knowledge that may answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from bot.heard import SOCIAL
from nlu.knowledge import KnowledgeIndex
from nlu.optout import OptOut, read
from nlu.parts import questions, statements
from nlu.understanding import Intent, Part, Understander, Understanding

CERTAIN: dict[OptOut, Intent] = {
    OptOut.WITHDRAW: Intent(name="stop_marketing", confidence=1.0),
    OptOut.GRANT: Intent(name="start_marketing", confidence=1.0),
    OptOut.HELP: Intent(name="help", confidence=1.0),
}
NOTHING_SAID = Understanding(language=None, failure="no text")
SURE = 0.8
"""Confidence in plain manners from which the knowledge is not searched: nobody looks up a greeting."""


Improves = Callable[[Sequence[str], Sequence[Understanding]], Awaitable[list[Understanding]]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """One text to be understood."""

    text: str
    whole_message: bool
    """On SMS a keyword counts only as the whole message."""


class Comprehension:
    """Understands texts."""

    def __init__(
        self, engine: Understander, knowledge: Callable[[], KnowledgeIndex], by_meaning: Improves | None = None
    ) -> None:
        """`by_meaning` looks again for the knowledge whose words found little."""
        self._engine = engine
        self._knowledge = knowledge
        self._by_meaning = by_meaning

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
        parts = [_parts(words[place]) for place in said]
        texts = [words[place] for place in said]
        every = [*texts, *(part for of_text in parts for part in of_text)]
        understood = await self._engine.understand([one.text for one in every])
        known = [self._with_certainties(one, meaning) for one, meaning in zip(every, understood, strict=True)]
        if self._by_meaning is not None:
            known = await self._by_meaning([one.text for one in every], known)
        rest = iter(zip(every[len(said) :], known[len(said) :], strict=True))
        for place, whole, of_text in zip(said, known, parts, strict=False):
            own = tuple(Part(text=one.text, understanding=meaning) for one, meaning in islice(rest, len(of_text)))
            answers[place] = replace(whole, parts=own) if own else whole
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


def _parts(words: Words) -> list[Words]:
    """A text that asks several things, or that withdraws from offers and asks something: each of them by itself."""
    parts = questions(words.text)
    # Most texts have one clause, and are read once: the cheap question first.
    if not parts and (clauses := statements(words.text)):
        withdraws = read(words.text, whole_message=words.whole_message) is OptOut.WITHDRAW
        parts = clauses if withdraws else []
    return [Words(text=part, whole_message=False) for part in parts]
