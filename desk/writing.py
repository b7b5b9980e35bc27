"""Writing: what an agent sends, in the manner of its channel, with what goes along; and taking it back in time.

What is sent waits for a few seconds in the outbox. Taking it back is one statement that finds it still waiting, or
does not: nothing is half sent, whatever dies meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Row, and_, select

from bot.letters import SCHEME, around
from bot.playbook import Playbook
from campaigns.policy import Refusal
from channels import markup
from channels.envelope import DeliveryStatus
from channels.protocol import Limits
from desk import drafts, mentions
from desk.agents import agent_name, usable
from desk.conversations import Ownership, Written, handback, may_speak, say
from desk.conversations import note as write_note
from desk.drafts import Begun
from desk.locked import lock
from desk.logins import Present
from desk.refusals import NotFound, Refused, Unusable
from desk.withdrawal import withdraw
from nlu.understanding import Language
from storage.commits import Transaction
from storage.contacts import Contact
from storage.deliveries import Delivery
from storage.interactions import Interaction
from storage.touched import touch

UNDO: Final = timedelta(seconds=5)
"""How long what was sent waits for its writer to think better of it."""


class Left(Refused):
    """It has left already, and cannot be taken back."""


class NoFiles(Unusable):
    """The channel carries no files."""


class TooLarge(Unusable):
    """The files are larger than the channel carries."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Manner:
    """How a text is said on a channel."""

    text: str
    """In plain words."""
    markup: str | None
    """With what is emphasised in it; None: nothing is."""
    lost: frozenset[str]
    """What the channel cannot show: words of `channels.markup.lost`."""
    above: str = ""
    """What a letter begins with, beside what was written."""
    below: str = ""


def manner(
    text: str,
    *,
    limits: Limits,
    address: str,
    name: str | None,
    language: str | None,
    by: str,
    playbook: Playbook,
) -> Manner:
    """What a text will be on its way: on mail a letter, elsewhere as it is; emphasised where that is shown."""
    lost = markup.lost(text)
    words = markup.plain(text) if limits.markup else markup.plain(text, bullet="-")
    above = below = ""
    if address.startswith(f"{SCHEME}:"):
        above, below = around(words, name=name, agent=by, playbook=playbook, language=_spoken(language))
    source = _letter(markup.escape(above), text, markup.escape(below)) if lost and limits.markup else None
    return Manner(
        text=_letter(above, words, below),
        markup=source,
        lost=frozenset() if limits.markup else lost,
        above=above,
        below=below,
    )


def send(
    transaction: Transaction,
    *,
    conversation: int,
    who: Present,
    text: str,
    limits: Limits,
    playbook: Playbook,
    seen: int | None = None,
    undo: timedelta = UNDO,
) -> Written:
    """Write to the customer, with the files of one's draft, which is a draft no longer. It leaves after `undo`.

    What was asked twice with the same `seen`, because its answer was lost on the way, is said once.

    `text` may emphasise (`channels.markup`). Raises NoFiles and TooLarge, by `limits`, which are the channel's; and as
    `desk.conversations.reply` does.
    """
    by = agent_name(who.name)
    files = drafts.of(transaction, conversation=conversation, staff=who.staff).attachments
    text = usable(text) if text.strip() or not files else ""
    row = may_speak(transaction, conversation, by, seen)
    check_files(files, limits)
    name = transaction.connection.scalar(select(Contact.name).where(Contact.id == row.contact_id))
    before = _said_before(transaction, row, by, text, seen)
    if before is not None and not files:
        drafts.drop(transaction, conversation=conversation, staff=who.staff)
        return before
    said = manner(text, limits=limits, address=row.uri, name=name, language=row.language, by=by, playbook=playbook)
    more: dict[str, Any] = {}
    if said.markup is not None:
        more["markup"] = said.markup
    if files:
        more["attachments"] = [dict(each) for each in files]
    content = {"written": text} if text != said.text else {}
    written = say(
        transaction, row, by, said.text, more=more, content=content, due_at=transaction.now + undo if undo else None
    )
    drafts.drop(transaction, conversation=conversation, staff=who.staff)
    return written


def _said_before(
    transaction: Transaction, row: Row[*tuple[Any, ...]], by: str, text: str, seen: int | None
) -> Written | None:
    """The same words of the same writer, who had not yet seen that they are said."""
    if seen is None:
        return None
    newer = transaction.connection.execute(
        select(Interaction.id, Interaction.text, Interaction.content, Delivery.id.label("delivery"))
        .join(Delivery, Delivery.interaction_id == Interaction.id)
        .where(
            Interaction.contact_id == row.contact_id,
            Interaction.conversation_id == row.id,
            Interaction.id > seen,
            Interaction.author == f"agent:{by}",
            Delivery.status != DeliveryStatus.SKIPPED.value,
        )
    )
    for line in newer:
        if text == line.content.get("written", line.text):
            return Written(conversation=row.id, interaction=line.id, delivery=line.delivery)
    return None


def check_files(files: Sequence[Mapping[str, Any]], limits: Limits) -> None:
    """Raises NoFiles, TooLarge."""
    if files and not limits.file_bytes:
        raise NoFiles("this channel carries no files")
    size = sum(int(each.get("size") or 0) for each in files)
    if size > limits.file_bytes:
        raise TooLarge(f"the files have {size} bytes; this channel carries {limits.file_bytes}")


def undo(transaction: Transaction, *, conversation: int, interaction: int, who: Present) -> Begun:
    """Take back what one sent: it never leaves, and is a draft again. Raises Left, NotFound."""
    row = lock(transaction, conversation)
    found = transaction.connection.execute(
        select(Interaction.text, Interaction.content).where(
            Interaction.id == interaction,
            Interaction.conversation_id == row.id,
            Interaction.author == f"agent:{who.name}",
        )
    ).one_or_none()
    if found is None:
        raise NotFound("this message is not yours, or is not here")
    # One that was tried may have arrived in part.
    waits = and_(Delivery.interaction_id == interaction, Delivery.status == "queued", Delivery.attempts == 0)
    if not withdraw(transaction, waits, Refusal.UNDONE):
        raise Left("it has left already")
    touch(transaction.connection, (row.id,))
    return drafts.put_back(
        transaction,
        conversation=conversation,
        staff=who.staff,
        text=found.content.get("written", found.text),
        attachments=found.content.get("attachments", ()),
    )


def note(transaction: Transaction, *, conversation: int, who: Present, text: str) -> Written:
    """A word for colleagues alone; whoever it names with `@` is told. Raises Unusable, NotFound."""
    written = write_note(transaction, conversation=conversation, by=who.name, text=text)
    mentions.record(transaction, text=text, note=written.interaction, conversation=conversation, by=who.name)
    # It was written where a reply is: what had been kept of it is an earlier stage of it. Files are for the customer.
    drafts.save(transaction, conversation=conversation, staff=who.staff, text="")
    return written


def hand_back(transaction: Transaction, *, conversation: int, who: Present, text: str = "") -> Ownership:
    """The assistant speaks again; `text`, a note on what was agreed, is a draft no longer. Raises as
    `desk.conversations.handback` does."""
    owned = handback(transaction, conversation=conversation, by=who.name, text=text)
    if text.strip():
        drafts.save(transaction, conversation=conversation, staff=who.staff, text="")
    return owned


def _spoken(language: str | None) -> Language:
    try:
        return Language(language or "en")
    except ValueError:
        return Language.EN


def _letter(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)
