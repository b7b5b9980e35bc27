"""Drafts: what an agent has begun to write is kept while it is written, and is there again wherever they log in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import bindparam, delete, func, insert, select, update

from desk.agents import LONGEST
from desk.refusals import NotFound, Unusable
from storage.commits import Transaction
from storage.conversations import Conversation
from storage.drafts import Draft
from storage.interactions import Interaction
from storage.many import named

MOST_FILES: Final = 10


class TooMany(Unusable):
    """More files than go along with one message."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Begun:
    """A draft as its writer finds it again."""

    text: str = ""
    attachments: tuple[Mapping[str, Any], ...] = ()
    """As an Interaction's content has them."""
    seen: int | None = None
    """The newest Interaction its writer had seen when it was begun."""


def of(transaction: Transaction, *, conversation: int, staff: int) -> Begun:
    """What somebody has begun to write in a Conversation; an empty draft, where nothing is."""
    row = next(iter(_begun.ask(transaction.connection, {"staff": staff, "conversation": conversation})), None)
    return Begun() if row is None else Begun(text=row.text, attachments=tuple(row.attachments), seen=row.seen)


_begun = named(
    select(Draft.text, Draft.attachments, Draft.seen).where(
        Draft.staff_id == bindparam("staff"), Draft.conversation_id == bindparam("conversation")
    )
)


def save(transaction: Transaction, *, conversation: int, staff: int, text: str, seen: int | None = None) -> Begun:
    """Keep what is written so far. What was seen counts from when it was begun; nothing at all is no draft.

    Raises Unusable, NotFound.
    """
    if len(text) > LONGEST or "\0" in text or any("\ud800" <= each <= "\udfff" for each in text):
        raise Unusable("this text cannot be kept")
    known = of(transaction, conversation=conversation, staff=staff)
    if not text.strip() and not known.attachments:
        drop(transaction, conversation=conversation, staff=staff)
        return Begun()
    begun = known.seen if known.seen is not None else seen
    return _keep(transaction, conversation, staff, text, known.attachments, begun)


def keep_refused(
    transaction: Transaction,
    *,
    conversation: int,
    staff: int,
    text: str,
    seen: int | None = None,
    shown: int | None = None,
) -> None:
    """What was not sent is a draft, however fast it was written. `seen`: as in `save`; `shown`: its writer was shown
    what came in since, up to there, and from here on the draft knows of it. Raises Unusable, NotFound."""
    save(transaction, conversation=conversation, staff=staff, text=text, seen=seen)
    if shown is not None:
        mine = Draft.staff_id == staff, Draft.conversation_id == conversation
        transaction.connection.execute(update(Draft).where(*mine).values(seen=shown))


def attach(transaction: Transaction, *, conversation: int, staff: int, attachment: Mapping[str, Any]) -> Begun:
    """A file goes along; the same content twice is one. Raises TooMany, NotFound."""
    known = of(transaction, conversation=conversation, staff=staff)
    others = [each for each in known.attachments if each["id"] != attachment["id"]]
    if len(others) >= MOST_FILES:
        raise TooMany(f"{MOST_FILES} files are the most")
    return _keep(transaction, conversation, staff, known.text, [*others, attachment], known.seen)


def detach(transaction: Transaction, *, conversation: int, staff: int, blob: str) -> Begun:
    """A file stays behind."""
    known = of(transaction, conversation=conversation, staff=staff)
    left = [each for each in known.attachments if each["id"] != blob]
    if not left and not known.text.strip():
        drop(transaction, conversation=conversation, staff=staff)
        return Begun()
    return _keep(transaction, conversation, staff, known.text, left, known.seen)


def put_back(
    transaction: Transaction, *, conversation: int, staff: int, text: str, attachments: Sequence[Mapping[str, Any]]
) -> Begun:
    """What was taken back is a draft again, before whatever was begun since. Its writer has just read the thread."""
    known = of(transaction, conversation=conversation, staff=staff)
    words = "\n\n".join(each for each in (text, known.text) if each.strip())
    ids = {each["id"] for each in attachments}
    files = [*attachments, *(each for each in known.attachments if each["id"] not in ids)]
    return _keep(transaction, conversation, staff, words, files, None)


def drop(transaction: Transaction, *, conversation: int, staff: int) -> None:
    transaction.connection.execute(delete(Draft).where(Draft.staff_id == staff, Draft.conversation_id == conversation))


def _keep(
    transaction: Transaction,
    conversation: int,
    staff: int,
    text: str,
    attachments: Sequence[Mapping[str, Any]],
    seen: int | None,
) -> Begun:
    seen = _newest(transaction, conversation) if seen is None else seen
    values = {
        "text": text,
        "attachments": [dict(each) for each in attachments],
        "seen": seen,
        "updated_at": transaction.now,
    }
    mine = Draft.staff_id == staff, Draft.conversation_id == conversation
    if not transaction.connection.execute(update(Draft).where(*mine).values(**values)).rowcount:
        transaction.connection.execute(insert(Draft), {"staff_id": staff, "conversation_id": conversation, **values})
    return Begun(text=text, attachments=tuple(attachments), seen=seen)


def _newest(transaction: Transaction, conversation: int) -> int:
    contact = transaction.connection.scalar(select(Conversation.contact_id).where(Conversation.id == conversation))
    if contact is None:
        raise NotFound(f"there is no conversation {conversation}")
    of_conversation = Interaction.contact_id == contact, Interaction.conversation_id == conversation
    return transaction.connection.scalar(select(func.max(Interaction.id)).where(*of_conversation)) or 0
