"""Canned replies: wordings kept once, called by `/`, and said in the customer's language with the customer's facts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, delete, func, insert, or_, select, update

from bot.letters import name_in
from bot.playbook import Playbook
from desk.agents import LONGEST
from desk.deeds import noted
from desk.logins import Present
from desk.refusals import NotFound, Refused, Unusable
from desk.rights import Right
from desk.staff import LANGUAGES
from nlu.understanding import Language
from storage.canned import CannedReply
from storage.cases import Case
from storage.commits import Transaction
from storage.contacts import Contact
from storage.conversations import Conversation
from storage.orders import Order

PLACEHOLDERS: Final = ("name", "agent", "business", "case", "order")
"""What may stand in braces: how the customer is called, who writes, for whom, the open case's number, the latest
order's."""
OFFERED: Final = 8
MOST: Final = 500
_SHORTCUT: Final = re.compile(r"[^\W_](?:[\w-]{0,38}[^\W_])?")
_PLACE: Final = re.compile(r"\{([a-z_]*)\}")


class ShortcutTaken(Unusable):
    """Another one is called like this."""


class NoShortcut(Unusable):
    """A short name has 1 to 40 letters, digits and hyphens."""


class UnknownPlace(Unusable):
    """There is no such placeholder."""


class Missing(Refused):
    """Something that the wording names is not known of this customer."""

    def __init__(self, places: Sequence[str]) -> None:
        super().__init__(f"not known of this customer: {', '.join(places)}")
        self.places = tuple(places)


@dataclass(frozen=True, kw_only=True, slots=True)
class Canned:
    """One wording, as its keepers see it."""

    id: int
    shortcut: str
    own: bool
    """Its keeper's alone; else everybody's."""
    texts: Mapping[str, str]
    """By language."""
    updated_by: str
    updated_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Offered:
    """One wording, as it would be said to a customer."""

    id: int
    shortcut: str
    own: bool
    language: str
    """Of the wording; the customer's, where there is one in it."""
    text: str
    """With what is known filled in; what is not still stands in braces."""
    missing: tuple[str, ...]


def offer(
    transaction: Transaction, *, conversation: int, who: Present, playbook: Playbook, typed: str = ""
) -> list[Offered]:
    """What fits what was typed behind the `/`: by the start of its short name, or a word in it. Raises NotFound."""
    facts, language = _facts(transaction, conversation, who, playbook)
    wanted = typed.strip().casefold()
    found: list[tuple[int, str, Offered]] = []
    for row in _mine(transaction, who.staff):
        spoken, text = _version(row.texts, language)
        rank = _rank(row.shortcut.casefold(), text.casefold(), wanted)
        if rank is not None:
            said, missing = _filled(text, facts)
            one = Offered(
                id=row.id,
                shortcut=row.shortcut,
                own=row.owner_id is not None,
                language=spoken,
                text=said,
                missing=missing,
            )
            found.append((rank, row.shortcut, one))
    return [one for _, _, one in sorted(found, key=lambda each: each[:2])[:OFFERED]]


def fill(transaction: Transaction, *, conversation: int, canned: int, who: Present, playbook: Playbook) -> str:
    """A wording with everything filled in. Raises Missing, NotFound."""
    facts, language = _facts(transaction, conversation, who, playbook)
    row = next((each for each in _mine(transaction, who.staff) if each.id == canned), None)
    if row is None:
        raise NotFound("there is no such wording")
    said, missing = _filled(_version(row.texts, language)[1], facts)
    if missing:
        raise Missing(missing)
    return said


def kept(transaction: Transaction, *, who: Present) -> list[Canned]:
    """Everybody's and one's own."""
    return [
        Canned(
            id=row.id,
            shortcut=row.shortcut,
            own=row.owner_id is not None,
            texts=row.texts,
            updated_by=row.updated_by,
            updated_at=row.updated_at,
        )
        for row in _mine(transaction, who.staff)
    ]


def keep(
    transaction: Transaction,
    *,
    who: Present,
    shortcut: str,
    texts: Mapping[str, str],
    shared: bool = False,
    canned: int | None = None,
) -> int:
    """Write a wording, or, with `canned`, write it anew. What is everybody's is written by who may direct.

    Raises NoShortcut, ShortcutTaken, UnknownPlace, Unusable, NotFound.
    """
    shortcut = shortcut.strip().removeprefix("/").casefold()
    if not _SHORTCUT.fullmatch(shortcut):
        raise NoShortcut("a short name has 1 to 40 letters, digits and hyphens")
    said = _checked(texts)
    owner = None if shared else who.staff
    if canned is not None:
        owner = _changeable(transaction, canned, who).owner_id
    elif shared:
        _may_share(who)
    _refuse_taken(transaction, shortcut, owner, canned)
    values = {"shortcut": shortcut, "texts": said, "updated_by": who.name, "updated_at": transaction.now}
    if canned is None:
        identity = transaction.connection.execute(
            insert(CannedReply).returning(CannedReply.id), {"owner_id": owner, **values}
        ).scalar_one()
    else:
        identity = canned
        transaction.connection.execute(update(CannedReply).where(CannedReply.id == canned).values(**values))
    if owner is None:
        noted(transaction, who, "canned.kept", f"canned:{identity}", shortcut=shortcut)
    return identity


def forget(transaction: Transaction, *, who: Present, canned: int) -> None:
    """Keep a wording no longer. Raises NotFound."""
    row = _changeable(transaction, canned, who)
    transaction.connection.execute(delete(CannedReply).where(CannedReply.id == canned))
    if row.owner_id is None:
        noted(transaction, who, "canned.forgotten", f"canned:{canned}", shortcut=row.shortcut)


def _mine(transaction: Transaction, staff: int) -> Sequence[Row[*tuple[Any, ...]]]:
    return transaction.connection.execute(
        select(*CannedReply.__table__.columns)
        .where(or_(CannedReply.owner_id.is_(None), CannedReply.owner_id == staff))
        .order_by(CannedReply.shortcut, CannedReply.id)
    ).all()


def _version(texts: Mapping[str, str], language: str | None) -> tuple[str, str]:
    """In the customer's language; else in the other Chinese script, in English, in any."""
    siblings = {"zh-Hans": "zh-Hant", "zh-Hant": "zh-Hans"}
    for each in (language or "en", siblings.get(language or "", "en"), "en"):
        if each in texts:
            return each, texts[each]
    return next(iter(texts.items()))


def _rank(shortcut: str, text: str, wanted: str) -> int | None:
    """What begins so stands before what has it somewhere."""
    if shortcut == wanted:
        return 0
    if shortcut.startswith(wanted):
        return 1
    return 2 if wanted in shortcut or wanted in text else None


def _facts(
    transaction: Transaction, conversation: int, who: Present, playbook: Playbook
) -> tuple[Mapping[str, str], str | None]:
    connection = transaction.connection
    row = connection.execute(
        select(Conversation.contact_id, Contact.name, Contact.language)
        .join(Contact, Contact.id == Conversation.contact_id)
        .where(Conversation.id == conversation)
    ).one_or_none()
    if row is None:
        raise NotFound(f"there is no conversation {conversation}")
    case = connection.scalar(
        select(Case.number)
        .where(Case.contact_id == row.contact_id, Case.closed_at.is_(None))
        .order_by((Case.conversation_id == conversation).desc(), Case.id.desc())
        .limit(1)
    )
    order = connection.scalar(
        select(Order.order_id).where(Order.contact_id == row.contact_id).order_by(Order.at.desc()).limit(1)
    )
    spoken = row.language if row.language in playbook.policy.name else Language.EN
    facts = {
        "name": name_in(row.name),
        "agent": who.name,
        "business": playbook.policy.name[Language(spoken)],
        "case": case or "",
        "order": order or "",
    }
    return facts, row.language


def _filled(text: str, facts: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """Values go in as they are, and are never looked at again."""
    missing = dict.fromkeys(place for place in _PLACE.findall(text) if not facts.get(place))
    return _PLACE.sub(lambda found: facts.get(found[1]) or found[0], text), tuple(missing)


def _checked(texts: Mapping[str, str]) -> dict[str, str]:
    said = {language: text.strip() for language, text in texts.items() if language in LANGUAGES and text.strip()}
    if not said or any(len(text) > LONGEST or "\0" in text for text in said.values()):
        raise Unusable("a wording is said in at least one language, and no longer than a reply")
    strange = {place for text in said.values() for place in _PLACE.findall(text)} - set(PLACEHOLDERS)
    if strange:
        raise UnknownPlace(f"{{{min(strange)}}} is no placeholder; there are {', '.join(PLACEHOLDERS)}")
    return said


def _changeable(transaction: Transaction, canned: int, who: Present) -> Row[*tuple[Any, ...]]:
    """Of others nobody learns even that it is there."""
    row = next((each for each in _mine(transaction, who.staff) if each.id == canned), None)
    if row is None:
        raise NotFound("there is no such wording")
    if row.owner_id is None:
        _may_share(who)
    return row


def _may_share(who: Present) -> None:
    if Right.DIRECT not in who.rights:
        raise NotFound("what is everybody's is written by supervisors")


def _refuse_taken(transaction: Transaction, shortcut: str, owner: int | None, but: int | None) -> None:
    of = CannedReply.owner_id.is_(None) if owner is None else CannedReply.owner_id == owner
    known = transaction.connection.scalar(
        select(CannedReply.id).where(of, CannedReply.shortcut == shortcut, CannedReply.id != (but or 0))
    )
    if known is not None:
        raise ShortcutTaken(f"/{shortcut} is there already")
    count = transaction.connection.scalar(select(func.count()).select_from(CannedReply).where(of)) or 0
    if but is None and count >= MOST:
        raise Unusable(f"{MOST} wordings are the most")
