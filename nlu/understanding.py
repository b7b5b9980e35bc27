"""What understanding a text means, whoever does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Language(StrEnum):
    """The languages the house speaks."""

    ZH_HANS = "zh-Hans"
    ZH_HANT = "zh-Hant"
    EN = "en"


@dataclass(frozen=True, kw_only=True, slots=True)
class Intent:
    """A guess at what the person wants."""

    name: str
    confidence: float
    """0 to 1: the share of answers given at this confidence that are right."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entity:
    """A fact found in the text."""

    kind: str
    """`order_number`, `amount`, `date`, `product`, `phone`, `email`, `number`."""
    value: str
    """Normalised: E.164 phones, ISO dates, `12.50 CNY`; the words themselves where there is no norm."""
    text: str
    """As it was written."""
    start: int
    end: int
    """Character offsets into the text as received."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A knowledge entry that may answer the text."""

    entry: str
    """Id of the entry (`returns#how-long`)."""
    score: float
    """0 to 1, comparable between texts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Understanding:
    """The answer to "what does this person mean?" for one text. Never an exception: not understood is an answer."""

    language: Language | None
    """None: too little to tell, or a language the house does not speak."""
    either_script: bool = False
    """Chinese that both scripts write alike (`你好`): `language` says zh-Hans, a zh-Hant reader may have written it."""
    intents: tuple[Intent, ...] = ()
    """Best first; empty: not understood."""
    entities: tuple[Entity, ...] = ()
    knowledge: tuple[Candidate, ...] = ()
    """Best first."""
    engine: str = "none"
    """Which engine answered: `embedded`, `rasa`."""
    model: str = ""
    """Fingerprint of the model that answered."""
    out_of_scope: bool = False
    """Clearly of another world: the weather, a joke, somebody else's business. `intents` is empty then."""
    guesses: tuple[Intent, ...] = ()
    """Where the text was refused: what it would have been taken for, best first. Not to act on."""
    parts: tuple[Part, ...] = ()
    """Where a text asks several things: each understood by itself, in order. Empty: it is one."""
    failure: str | None = None
    """Why the preferred engine did not answer, where another stood in; or why nothing was understood."""

    @property
    def intent(self) -> Intent | None:
        return self.intents[0] if self.intents else None

    def entity(self, kind: str) -> Entity | None:
        """The first entity of a kind."""
        return next((entity for entity in self.entities if entity.kind == kind), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One of several things that a text says."""

    text: str
    understanding: Understanding


@dataclass(frozen=True, kw_only=True, slots=True)
class KnowledgeDocument:
    """One answerable entry of the business's knowledge, as the index sees it."""

    entry: str
    language: Language
    questions: tuple[str, ...]
    """The heading and other ways to ask for it."""
    body: str


class FindsEntities(Protocol):
    """Who finds facts in a text: orders, amounts, dates, products, phones, mail addresses."""

    def find(self, text: str) -> tuple[Entity, ...]:
        """Every fact, with offsets into the text as received. Never raises."""
        ...


class Understander(Protocol):
    """An engine that understands texts."""

    name: str
    batches: bool
    """Many texts in one call cost less than one by one, and answer at the same time."""

    async def understand(self, texts: Sequence[str]) -> Sequence[Understanding]:
        """One Understanding a text, in order. Never raises."""
        ...
