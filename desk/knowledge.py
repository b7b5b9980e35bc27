"""Knowledge from the desk: an agent's answer becomes the assistant's, once a supervisor has approved it.

Each version of an entry stays; a new one takes the place of the one in force at its approval, and what is in force can
be taken back at any time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from bot.authority import TIERS
from bot.knowledge import Entry
from desk.agents import usable
from desk.alerts import raise_alert
from desk.deeds import noted
from desk.logins import Present
from desk.refusals import NotFound, Refused, Unusable
from desk.rights import Right
from desk.sight import Kind, sees
from nlu.understanding import Language
from storage.alerts import AlertKind
from storage.commits import Transaction
from storage.contacts import Contact
from storage.interactions import Direction, Interaction, InteractionKind
from storage.knowledge_entries import EntryState, KnowledgeEntry

PREFIX = "desk#"
"""Entries of files are called after them; no file of a playbook is called so."""
SOURCE: Mapping[Language, str] = {
    Language.EN: "Customer service",
    Language.ZH_HANS: "客户服务",
    Language.ZH_HANT: "客戶服務",
}
"""What customers read as the source of such an answer."""
MOST_QUESTIONS = 20
LONGEST_QUESTION = 300
LONGEST_ANSWER = 4000


class NothingToKnow(Unusable):
    """A question and its answer are wanted, in at least one language."""


class TooLong(Unusable):
    """A question has at most 300 characters, an answer 4,000."""


class ShortIsLonger(Unusable):
    """The short answer is not shorter than the whole one."""


class NotAnAnswer(Unusable):
    """Only what an agent wrote to a customer becomes knowledge."""


class WaitsAlready(Refused):
    """Another version of it waits for its approval."""


class Decided(Refused):
    """It was decided on meanwhile."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wording:
    """A question with its answer, in one language."""

    question: str
    answer: str
    also: tuple[str, ...] = ()
    """Other ways in which it is asked."""
    short: str = ""
    """The same answer in fewer words, for text messages; empty: there is none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """One version of an entry."""

    id: int
    name: str
    version: int
    state: EntryState
    texts: Mapping[Language, Wording]
    tiers: tuple[str, ...]
    interaction: int | None
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None

    @property
    def title(self) -> str:
        return next(iter(self.texts.values())).question

    @property
    def missing(self) -> tuple[Language, ...]:
        """Languages whose speakers are answered in another one."""
        return tuple(language for language in Language if language not in self.texts)


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """What an agent's answer could become."""

    interaction: int
    conversation: int
    language: Language
    question: str
    """What the customer had written before."""
    answer: str
    name: str | None
    """How we call the customer: what does not belong into an entry."""


def draft_of(transaction: Transaction, *, interaction: int) -> Draft:
    """What an answer of an agent would be as an entry, with the question before it. Raises NotFound, NotAnAnswer."""
    connection = transaction.connection
    row = connection.execute(
        select(
            Interaction.contact_id,
            Interaction.conversation_id,
            Interaction.direction,
            Interaction.kind,
            Interaction.author,
            Interaction.text,
            Contact.language,
            Contact.name,
        )
        .join(Contact, Contact.id == Interaction.contact_id)
        .where(Interaction.id == interaction)
    ).one_or_none()
    if row is None or not sees(transaction, Kind.LINE, interaction):
        raise NotFound(f"there is no message {interaction}")
    said = row.kind is InteractionKind.MESSAGE and row.direction is Direction.OUT and row.author.startswith("agent:")
    if not said or row.conversation_id is None:
        raise NotAnAnswer("only what an agent wrote to a customer becomes knowledge")
    question = connection.scalar(
        select(Interaction.text)
        .where(
            Interaction.contact_id == row.contact_id,
            Interaction.conversation_id == row.conversation_id,
            Interaction.id < interaction,
            Interaction.direction == Direction.IN,
            Interaction.kind == InteractionKind.MESSAGE,
        )
        .order_by(Interaction.id.desc())
        .limit(1)
    )
    known = {language.value for language in Language}
    return Draft(
        interaction=interaction,
        conversation=row.conversation_id,
        language=Language(row.language) if row.language in known else Language.EN,
        question=" ".join((question or "").split())[:LONGEST_QUESTION],
        answer=row.text,
        name=row.name,
    )


def propose(
    transaction: Transaction,
    *,
    by: Present,
    texts: Mapping[str, Wording],
    tiers: Sequence[str] = (),
    interaction: int | None = None,
    name: str | None = None,
) -> int:
    """A new entry, or, with `name`, a new version of one; returns its number. It answers nobody until it is approved.

    Raises NothingToKnow, TooLong, ShortIsLonger, NotAnAnswer, WaitsAlready, NotFound.
    """
    kept = _checked(texts)
    connection = transaction.connection
    if interaction is not None:
        draft_of(transaction, interaction=interaction)
    version = 1
    if name is not None:
        states = connection.execute(
            select(KnowledgeEntry.state, KnowledgeEntry.version).where(KnowledgeEntry.name == name)
        ).all()
        if not states:
            raise NotFound(f"there is no entry {name}")
        if any(row.state is EntryState.PROPOSED for row in states):
            raise WaitsAlready("another version of it waits for its approval")
        version = max(row.version for row in states) + 1
    row = {
        "name": name or "",
        "version": version,
        "state": EntryState.PROPOSED,
        "texts": kept,
        "tiers": _tiers(tiers),
        "interaction_id": interaction,
        "proposed_by": by.name,
        "proposed_at": transaction.now,
    }
    number = connection.execute(insert(KnowledgeEntry).returning(KnowledgeEntry.id), row).scalar_one()
    if name is None:
        _change(transaction, number, name=f"{PREFIX}{number}")
    noted(transaction, by, "knowledge.proposed", f"knowledge:{number}")
    raise_alert(
        transaction,
        kind=AlertKind.KNOWLEDGE_ASKED,
        subject=f"knowledge:{number}",
        right=Right.DIRECT,
        who=by.name,
        key=f"knowledge:{number}",
    )
    return number


def edit(
    transaction: Transaction, *, by: Present, entry: int, texts: Mapping[str, Wording], tiers: Sequence[str] = ()
) -> None:
    """Change what waits: whoever proposed it, or a supervisor. Raises NothingToKnow, TooLong, ShortIsLonger, Decided,
    NotFound."""
    kept, version = _checked(texts), _waiting(transaction, entry)
    if version.proposed_by != by.name and Right.DIRECT not in by.rights:
        raise NotFound(f"there is no entry {entry} of yours")
    _change(transaction, entry, texts=kept, tiers=_tiers(tiers))
    noted(transaction, by, "knowledge.edited", f"knowledge:{entry}")


def approve(transaction: Transaction, *, by: Present, entry: int) -> None:
    """The assistant answers with it from now on, in place of the version before. Raises Decided, NotFound."""
    version = _waiting(transaction, entry)
    transaction.connection.execute(
        update(KnowledgeEntry)
        .where(KnowledgeEntry.name == version.name, KnowledgeEntry.state == EntryState.IN_FORCE)
        .values(state=EntryState.REPLACED, decided_at=transaction.now)
    )
    _decide(transaction, by, version, EntryState.IN_FORCE, None)


def refuse(transaction: Transaction, *, by: Present, entry: int, reason: str) -> None:
    """It answers nobody, and whoever proposed it hears why. Raises Decided, NotFound, Unusable."""
    _decide(transaction, by, _waiting(transaction, entry), EntryState.REFUSED, usable(reason))


def withdraw(transaction: Transaction, *, by: Present, entry: int, reason: str) -> None:
    """What is in force answers nobody any more. Raises Decided, NotFound, Unusable."""
    version = look(transaction, entry=entry)
    if version.state is not EntryState.IN_FORCE:
        raise Decided(f"entry {entry} is not in force")
    _decide(transaction, by, version, EntryState.WITHDRAWN, usable(reason))


def look(transaction: Transaction, *, entry: int) -> Version:
    """A version of an entry. Raises NotFound."""
    row = transaction.connection.execute(_versions.where(KnowledgeEntry.id == entry)).one_or_none()
    if row is None:
        raise NotFound(f"there is no entry {entry}")
    return _version(row)


def versions(transaction: Transaction, *, name: str) -> list[Version]:
    """All of an entry, the latest first."""
    rows = transaction.connection.execute(
        _versions.where(KnowledgeEntry.name == name).order_by(KnowledgeEntry.version.desc())
    )
    return [_version(row) for row in rows]


def listing(
    transaction: Transaction, *, state: EntryState, before: int | None = None, limit: int = 50
) -> list[Version]:
    """Those of one state, the latest first, or those before one of them."""
    statement = _versions.where(KnowledgeEntry.state == state).order_by(KnowledgeEntry.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(KnowledgeEntry.id < before)
    return [_version(row) for row in transaction.connection.execute(statement)]


def counts(transaction: Transaction) -> dict[EntryState, int]:
    """How many there are of each state."""
    rows = transaction.connection.execute(
        select(KnowledgeEntry.state, func.count()).group_by(KnowledgeEntry.state)
    ).all()
    return {state: next((row[1] for row in rows if row[0] is state), 0) for state in EntryState}


def entries_in_force(connection: Connection) -> dict[str, dict[Language, Entry]]:
    """As the playbook holds its own: by name and language."""
    rows = connection.execute(_versions.where(KnowledgeEntry.state == EntryState.IN_FORCE).order_by(KnowledgeEntry.id))
    return {version.name: _entries(version) for version in map(_version, rows)}


def _entries(version: Version) -> dict[Language, Entry]:
    return {
        language: Entry(
            id=version.name,
            language=language,
            question=wording.question,
            also=wording.also,
            answer=wording.answer,
            short=wording.short or None,
            source=SOURCE[language],
            tiers=frozenset(version.tiers),
            file=version.name,
            line=version.version,
        )
        for language, wording in version.texts.items()
    }


_versions = select(*KnowledgeEntry.__table__.columns)


def _version(row: Any) -> Version:
    return Version(
        id=row.id,
        name=row.name,
        version=row.version,
        state=row.state,
        texts={
            language: Wording(**(row.texts[language] | {"also": tuple(row.texts[language]["also"])}))
            for language in Language
            if language in row.texts
        },
        tiers=tuple(row.tiers),
        interaction=row.interaction_id,
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        reason=row.reason,
    )


def _waiting(transaction: Transaction, entry: int) -> Version:
    row = transaction.connection.execute(_versions.where(KnowledgeEntry.id == entry).with_for_update()).one_or_none()
    if row is None:
        raise NotFound(f"there is no entry {entry}")
    if row.state is not EntryState.PROPOSED:
        raise Decided(f"{row.decided_by or 'somebody'} has decided on entry {entry}: {row.state}")
    return _version(row)


def _decide(transaction: Transaction, by: Present, version: Version, state: EntryState, reason: str | None) -> None:
    _change(transaction, version.id, state=state, decided_by=by.name, decided_at=transaction.now, reason=reason)
    noted(transaction, by, f"knowledge.{state}", f"knowledge:{version.id}")
    raise_alert(
        transaction,
        kind=AlertKind.KNOWLEDGE_DECIDED,
        subject=f"knowledge:{version.id}",
        staff=version.proposed_by,
        who=by.name,
    )


def _change(transaction: Transaction, entry: int, **changes: Any) -> None:
    transaction.connection.execute(update(KnowledgeEntry).where(KnowledgeEntry.id == entry).values(**changes))


def _tiers(tiers: Sequence[str]) -> list[str]:
    if any(tier not in TIERS for tier in tiers):
        raise Unusable(f"tiers are {', '.join(TIERS)}")
    return [tier for tier in TIERS if tier in tiers]


def _checked(texts: Mapping[str, Wording]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for language in Language:
        wording = texts.get(language)
        if wording is None or not (wording.question.strip() or wording.answer.strip()):
            continue
        kept[language.value] = asdict(_usable(wording))
    if not kept:
        raise NothingToKnow("a question and its answer are wanted, in at least one language")
    return kept


def _usable(wording: Wording) -> Wording:
    question, answer = " ".join(wording.question.split()), wording.answer.strip()
    also = _distinct([" ".join(one.split()) for one in wording.also], but=question)
    short = " ".join(wording.short.split())
    if not question or not answer:
        raise NothingToKnow("a question and its answer are wanted")
    if len(answer) > LONGEST_ANSWER or any(len(one) > LONGEST_QUESTION for one in (question, *also)):
        raise TooLong("a question has at most 300 characters, an answer 4,000")
    if short and len(short) >= len(answer):
        raise ShortIsLonger("the short answer is not shorter than the whole one")
    for text in (question, answer, *also):
        usable(text)
    return Wording(question=question, answer=answer, also=also, short=short)


def _distinct(questions: Sequence[str], *, but: str) -> tuple[str, ...]:
    return tuple(one for one in dict.fromkeys(questions) if one and one != but)[:MOST_QUESTIONS]
