"""Teaching: a reviewed message becomes an example of the training files, and its Review is closed.

The file is written first. A crash in between leaves the message waiting; accepting it again finds its example there.
"""

from __future__ import annotations

import asyncio
import difflib
import fcntl
import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from desk import reviewing
from desk.agents import agent_name
from desk.refusals import Ended, Unusable
from desk.reviewing import Contradicts, NearlyContradicts, NothingToTeach, ToReview
from gateway.reach import House
from nlu import reviewed, training
from nlu.language import detect
from nlu.likeness import Finding, Known, Likeness
from nlu.reviewed import LONGEST, Lesson, NotTeachable, Taught, in_one_line, marked
from nlu.stand_ins import Kept, impersonal, spans_of
from nlu.training import Example
from nlu.understanding import FindsEntities, Language
from storage.reviews import ReviewState


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What a person says about a message that is to be learnt from."""

    interaction: int
    intent: str
    by: str
    marks: tuple[tuple[str, str], ...] = ()
    """Words of the message and the kind of entity they are; an empty kind: they are none."""
    text: str | None = None
    """Instead of the message's own words: the part that says it, or without what is personal."""
    anyway: bool = False
    """Although nearly the same words are taught as another intent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """What would be kept of a message, before anything is."""

    review: ToReview
    intent: str
    kept: Kept
    example: str
    """With its entities marked."""
    language: Language
    likenesses: tuple[Likeness, ...]
    remarks: tuple[str, ...]
    """What whoever reviews should know, a sentence each."""

    def likeness(self, finding: Finding) -> Likeness | None:
        return next((one for one in self.likenesses if one.finding is finding), None)


class Teaching:
    """Brings reviewed messages into one folder of training files."""

    def __init__(self, folder: Path, *, lock: Path, entities: FindsEntities) -> None:
        """`lock`: a file that reviewers on this machine wait for each other by."""
        self._folder = folder
        self._lock = lock
        self._entities = entities

    def intents(self) -> tuple[str, ...]:
        """What can be meant. Raises TrainingDataMistakes."""
        return training.read(self._folder).intents

    def propose(self, review: ToReview, decision: Decision) -> Proposal:
        """What would be kept. Changes nothing. Raises Unusable, TrainingDataMistakes."""
        data = training.read(self._folder)
        _refuse_unknown(decision.intent, data.intents)
        text = in_one_line(review.text if decision.text is None else decision.text)
        _refuse_unfit(text)
        try:
            spans = spans_of(text, self._entities.find(text), _in_one_line(decision.marks))
        except ValueError as error:
            raise Unusable(str(error)) from error
        kept = impersonal(text, spans, self._entities, seed=review.interaction)
        others = [one for one in data.examples if one.source.get("interaction") != str(review.interaction)]
        likenesses = tuple(_known(others).like(kept.text, decision.intent))
        return Proposal(
            review=review,
            intent=decision.intent,
            kept=kept,
            example=marked(kept.text, kept.entities),
            language=_language(review, text),
            likenesses=likenesses,
            remarks=(*(one.sentence for one in likenesses), *_personal(review, kept)),
        )

    async def teach(self, house: House, decision: Decision) -> ToReview:
        """Write the example and close the Review.

        Raises Refused: what contradicts is not taught, and what nearly does only `anyway`; TrainingDataMistakes,
        OSError, NotReached.
        """
        by = agent_name(decision.by)
        async with self._alone():
            review = (await house.do(reviewing.look, interaction=decision.interaction)).review
            if review.state is ReviewState.ACCEPTED:
                raise Ended(reviewing.decided_already(review))
            proposal = await asyncio.to_thread(self.propose, review, decision)
            _refuse_contradictions(proposal, anyway=decision.anyway)
            known = proposal.likeness(Finding.DUPLICATE)
            if known is not None:
                place = f"{known.example.file}:{known.example.line}"
            else:
                place = (await asyncio.to_thread(self._write, proposal, by)).place
            return await house.do(
                reviewing.accept,
                interaction=review.interaction,
                intent=decision.intent,
                example=proposal.example,
                place=place,
                by=by,
            )

    def _write(self, proposal: Proposal, by: str) -> Taught:
        lesson = Lesson(
            text=proposal.kept.text,
            intent=proposal.intent,
            entities=proposal.kept.entities,
            language=proposal.language,
            interaction=proposal.review.interaction,
            on=date.today(),  # noqa: DTZ011 - a note for people, in the time zone of whoever reviews
            by=by,
        )
        try:
            return reviewed.teach(self._folder, lesson)
        except NotTeachable as error:
            raise Unusable(str(error)) from error
        except OSError as error:
            where = f"{self._folder} cannot be written to ({error.strerror})"
            raise Unusable(f"{where}; name a folder of your own as nlu.training_data") from error

    @asynccontextmanager
    async def _alone(self) -> AsyncGenerator[None]:
        """One reviewer of this machine at a time: reading, deciding and writing belong together."""
        self._lock.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            await asyncio.to_thread(fcntl.flock, descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _refuse_unknown(intent: str, intents: Sequence[str]) -> None:
    if intent not in intents:
        near = difflib.get_close_matches(intent, intents, n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(intents)}"
        raise Unusable(f"{intent} is no intent of the training data{hint}")


def _refuse_unfit(text: str) -> None:
    if not any(character.isalnum() for character in text):
        raise NothingToTeach("there are no words to learn from")
    if len(text) > LONGEST:
        raise NothingToTeach(
            f"the message has {len(text):,} characters, and an example at most {LONGEST}; give the part that says what"
            " is wanted with --text"
        )


def _refuse_contradictions(proposal: Proposal, *, anyway: bool) -> None:
    contradiction = proposal.likeness(Finding.CONTRADICTION)
    if contradiction is not None:
        raise Contradicts(f"{contradiction.sentence}; change it there, or discard this message")
    near = proposal.likeness(Finding.NEAR_CONTRADICTION)
    if near is not None and proposal.likeness(Finding.DUPLICATE) is None and not anyway:
        raise NearlyContradicts(f"{near.sentence}; if both are right, accept with --anyway")


def _in_one_line(marks: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(in_one_line(words), kind.strip()) for words, kind in marks]


def _known(examples: Sequence[Example]) -> Known:
    from nlu.learning import simplified_characters

    return Known(examples, str.maketrans(*simplified_characters()))


def _language(review: ToReview, text: str) -> Language:
    """The one that the engine heard; for words of no language that we know, the script decides where they go."""
    known = detect(text)[0] or review.understood.language
    if known is not None:
        return Language(known)
    return Language.ZH_HANS if any("\u3400" <= character <= "\u9fff" for character in text) else Language.EN


def _personal(review: ToReview, kept: Kept) -> list[str]:
    """What no rule can replace, where we know that it is there."""
    name = (review.name or "").strip()
    if len(name) > 1 and name.casefold() in kept.text.casefold():
        return [f"the customer's name, {name}, stands in it; --text keeps other words instead"]
    return []
