"""Own data: people want a copy of what we know of them, or to be forgotten. A person makes sure who asks, and decides.

A copy is fetched by a link that goes to the customer alone. Before an erasure, the customer hears of it: afterwards
there is nobody left to tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, insert, select, update

from bot.playbook import Playbook
from bot.turn import CaseStatus, Purpose
from desk import tokens
from desk.agents import agent_name
from desk.locked import lock, write
from desk.people import find
from desk.refusals import NotFound, Unusable
from nlu.understanding import Language
from storage import audit, outbox
from storage.cases import Case
from storage.commits import Transaction
from storage.contacts import Contact
from storage.conversations import Conversation, ConversationState
from storage.deliveries import Delivery
from storage.interactions import Direction, InteractionKind
from storage.outbox import ACTIVE, Leaving
from storage.privacy import UNDONE as UNDONE_ROWS
from storage.privacy import PrivacyKind, PrivacyRequest, PrivacyState

LINK_DAYS: Final = 7
"""How long a copy can be fetched."""
FAREWELL: Final = timedelta(hours=1)
"""How long an erasure waits for the last word to leave; then it is done without."""
LONGEST: Final = 500
"""Characters of an evidence or reason."""
UNDONE: Final = (PrivacyState.ASKED, PrivacyState.TELLING)


class NotSure(Unusable):
    """Who asked has not proven who they are: say how you made sure."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """One wish that is still to be looked at, or on its way."""

    id: int
    kind: PrivacyKind
    state: PrivacyState
    contact: int
    name: str | None
    asked_by: str
    asked_at: datetime
    proven: bool
    case_number: str | None
    conversation: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Handled:
    """What was done about a wish."""

    request: int
    contact: int
    told: bool
    """The customer hears of it from us."""
    erased: bool = False


def note(
    transaction: Transaction,
    *,
    contact: int,
    kind: PrivacyKind,
    asked_by: str,
    proven: bool,
    conversation: int | None = None,
    case: str | None = None,
) -> int:
    """Into the register; a wish that stands there already is one wish. Returns its id."""
    connection = transaction.connection
    known = connection.scalar(
        select(PrivacyRequest.id).where(
            PrivacyRequest.contact_id == contact,
            PrivacyRequest.kind == kind,
            PrivacyRequest.state == PrivacyState.ASKED,
        )
    )
    if known is not None:
        return known
    row: dict[str, Any] = {
        "contact_id": contact,
        "kind": kind,
        "state": PrivacyState.ASKED,
        "asked_by": asked_by,
        "conversation_id": conversation,
        "case_number": case,
        "proven": proven,
        "asked_at": transaction.now,
        "counts": {},
    }
    return connection.execute(insert(PrivacyRequest).returning(PrivacyRequest.id), row).scalar_one()


def write_down(transaction: Transaction, *, contact: str, kind: PrivacyKind, by: str, staff: int | None = None) -> int:
    """A customer asked an agent: by phone, in a shop, in other words. Returns its id. Raises Unusable, NotFound."""
    by = agent_name(by)
    identity = find(transaction.connection, contact)
    _refuse_erased(transaction, identity)
    made = note(transaction, contact=identity, kind=kind, asked_by=f"agent:{by}", proven=False)
    _log(transaction, f"privacy.{kind}_asked", by, staff, identity, made)
    return made


def waiting(transaction: Transaction) -> list[Wanted]:
    """What is still to be done, the oldest first."""
    rows = transaction.connection.execute(
        select(
            PrivacyRequest.id,
            PrivacyRequest.kind,
            PrivacyRequest.state,
            PrivacyRequest.contact_id.label("contact"),
            Contact.name,
            PrivacyRequest.asked_by,
            PrivacyRequest.asked_at,
            PrivacyRequest.proven,
            PrivacyRequest.case_number,
            PrivacyRequest.conversation_id.label("conversation"),
        )
        .outerjoin(Contact, Contact.id == PrivacyRequest.contact_id)
        .where(PrivacyRequest.state.in_(UNDONE))
        .order_by(PrivacyRequest.asked_at, PrivacyRequest.id)
        .limit(500)
    )
    return [Wanted(**row) for row in rows.mappings()]


def handled(transaction: Transaction, *, limit: int = 50) -> list[Row[*tuple[Any, ...]]]:
    """What was done lately: id, kind, state, contact_id, asked_at, handled_by, handled_at, reason."""
    columns = (
        PrivacyRequest.id,
        PrivacyRequest.kind,
        PrivacyRequest.state,
        PrivacyRequest.contact_id,
        PrivacyRequest.asked_at,
        PrivacyRequest.handled_by,
        PrivacyRequest.handled_at,
        PrivacyRequest.reason,
    )
    ended = select(*columns).where(PrivacyRequest.state.in_([PrivacyState.DONE, PrivacyState.REFUSED]))
    return list(transaction.connection.execute(ended.order_by(PrivacyRequest.id.desc()).limit(limit)))


def send_copy(
    transaction: Transaction,
    *,
    request: int,
    by: str,
    evidence: str,
    origin: str,
    playbook: Playbook,
    staff: int | None = None,
) -> Handled:
    """The customer gets a link under which the copy can be fetched for some days. `origin`: how the world reaches us.

    Raises NotSure; Unusable where nothing can be written to them; NotFound.
    """
    by, row = agent_name(by), _asked(transaction, request, PrivacyKind.EXPORT)
    sure = _sure(row, evidence)
    token = tokens.new()
    link = f"{origin}/my-data/{token}"
    conversation = _conversation(transaction, row)
    delivery = conversation and _tell(
        transaction, conversation, by, playbook, "own_data.copy_ready", link=link, days=str(LINK_DAYS)
    )
    if not delivery:
        raise Unusable("this contact cannot be written to; download the copy and hand it over another way")
    _settle(
        transaction,
        row,
        by,
        state=PrivacyState.DONE,
        evidence=sure,
        delivery_id=delivery,
        token=tokens.stored(token),
        token_ends_at=transaction.now + timedelta(days=LINK_DAYS),
    )
    _close_case(transaction, row)
    _log(transaction, "contact.copy_sent", by, staff, row.contact_id, request)
    return Handled(request=request, contact=row.contact_id, told=True)


def begin_erasure(
    transaction: Transaction,
    *,
    request: int,
    by: str,
    evidence: str,
    playbook: Playbook,
    staff: int | None = None,
) -> Handled:
    """The customer is told, and forgotten as soon as that has left; at once where nothing can be sent to them.

    Raises NotSure, NotFound, Unusable.
    """
    by, row = agent_name(by), _asked(transaction, request, PrivacyKind.ERASURE)
    sure = _sure(row, evidence)
    conversation = _conversation(transaction, row)
    delivery = conversation and _tell(transaction, conversation, by, playbook, "own_data.erased")
    _log(transaction, "privacy.erasure_decided", by, staff, row.contact_id, request)
    _settle(transaction, row, by, state=PrivacyState.TELLING, evidence=sure, delivery_id=delivery or None)
    if not delivery:
        _erase(transaction, request, row.contact_id, by, staff)
    return Handled(request=request, contact=row.contact_id, told=bool(delivery), erased=not delivery)


def finish_erasures(transaction: Transaction) -> int:
    """Whoever has been told is forgotten; returns how many. One at a time: an erasure is whole or not at all."""
    row = transaction.connection.execute(
        select(PrivacyRequest.id, PrivacyRequest.contact_id, PrivacyRequest.handled_by)
        .outerjoin(Delivery, Delivery.id == PrivacyRequest.delivery_id)
        .where(
            UNDONE_ROWS,
            PrivacyRequest.state == PrivacyState.TELLING,
            (Delivery.status.not_in(ACTIVE)) | (PrivacyRequest.handled_at < transaction.now - FAREWELL),
        )
        .order_by(PrivacyRequest.asked_at)
        .limit(1)
        .with_for_update(of=PrivacyRequest, skip_locked=True)
    ).one_or_none()
    if row is None:
        return 0
    _erase(transaction, row.id, row.contact_id, row.handled_by, None)
    return 1


def refuse(transaction: Transaction, *, request: int, by: str, reason: str, staff: int | None = None) -> Handled:
    """It is not done, and why; the customer hears it from an agent in words of their own. Raises Unusable, NotFound."""
    by, reason = agent_name(by), _words(reason)
    if not reason:
        raise Unusable("say why: the customer may ask, and so may the authority")
    row = _asked(transaction, request, None)
    _settle(transaction, row, by, state=PrivacyState.REFUSED, reason=reason)
    _log(transaction, f"privacy.{row.kind}_refused", by, staff, row.contact_id, request)
    return Handled(request=request, contact=row.contact_id, told=False)


def fetched(transaction: Transaction, *, token: str, client: str | None = None) -> int:
    """Whose copy a link opens; that it was fetched is in the log. Raises NotFound."""
    row = transaction.connection.execute(
        select(PrivacyRequest.id, PrivacyRequest.contact_id).where(
            PrivacyRequest.token == tokens.stored(token), PrivacyRequest.token_ends_at > transaction.now
        )
    ).one_or_none()
    if row is None:
        raise NotFound("this link is over, or never was")
    _log(transaction, "contact.copy_fetched", "customer", None, row.contact_id, row.id, client=client)
    return find(transaction.connection, str(row.contact_id))


def opens(transaction: Transaction, *, token: str) -> Language | None:
    """Whether a link is good still, and the language that its owner speaks. None: it is not."""
    row = transaction.connection.execute(
        select(Contact.language)
        .join(PrivacyRequest, PrivacyRequest.contact_id == Contact.id)
        .where(PrivacyRequest.token == tokens.stored(token), PrivacyRequest.token_ends_at > transaction.now)
    ).one_or_none()
    return None if row is None else _language(row.language)


def _asked(transaction: Transaction, request: int, kind: PrivacyKind | None) -> Row[*tuple[Any, ...]]:
    row = transaction.connection.execute(
        select(*PrivacyRequest.__table__.columns).where(PrivacyRequest.id == request).with_for_update()
    ).one_or_none()
    if row is None or (kind is not None and row.kind is not kind):
        raise NotFound(f"there is no such request {request}")
    if row.state is not PrivacyState.ASKED:
        raise Unusable(f"request {request} was handled before")
    return row


def _sure(row: Row[*tuple[Any, ...]], evidence: str) -> str | None:
    evidence = _words(evidence)
    if not row.proven and not evidence:
        raise NotSure("they have not proven who they are; say how you made sure")
    return evidence or None


def _words(given: str) -> str:
    words = " ".join(given.split())[:LONGEST]
    if not words.isprintable():
        raise Unusable("the text holds characters that cannot be stored")
    return words


def _refuse_erased(transaction: Transaction, contact: int) -> None:
    if transaction.connection.scalar(select(Contact.erased_at).where(Contact.id == contact)) is not None:
        raise Unusable("this contact was erased")


def _conversation(transaction: Transaction, row: Row[*tuple[Any, ...]]) -> int | None:
    """Where they asked, else the latest that is no spam."""
    if row.conversation_id is not None:
        return row.conversation_id
    return transaction.connection.scalar(
        select(Conversation.id)
        .where(Conversation.contact_id == row.contact_id, Conversation.state != ConversationState.SPAM)
        .order_by(Conversation.last_at.desc(), Conversation.id.desc())
        .limit(1)
    )


def _tell(
    transaction: Transaction, conversation: int, by: str, playbook: Playbook, key: str, **values: str
) -> int | None:
    """Into the outbox, in the customer's language; its Delivery. None: nothing can be sent there."""
    row = lock(transaction, conversation)
    if row.blocked_at is not None or row.address_closed_at is not None:
        return None
    language = _language(row.language)
    values["business"] = playbook.policy.name[language]
    text = playbook.texts[language][key][0].say(values)
    author = f"agent:{by}"
    interaction = write(transaction, row, InteractionKind.MESSAGE, Direction.OUT, author, text, {})
    outbox.put(
        transaction,
        [
            Leaving(
                interaction=interaction,
                conversation=row.id,
                contact=row.contact_id,
                address=row.address_id,
                channel=row.channel,
                purpose=Purpose.SERVICE,
                message={"text": text, "author": author, "language": language.value, "automatic": False},
                thread=row.thread,
                patience=timedelta(hours=24),
            )
        ],
    )
    return transaction.connection.scalar(select(Delivery.id).where(Delivery.interaction_id == interaction))


def _language(tag: str | None) -> Language:
    return Language(tag) if tag in {language.value for language in Language} else Language.EN


def _settle(transaction: Transaction, row: Row[*tuple[Any, ...]], by: str, **values: Any) -> None:
    transaction.connection.execute(
        update(PrivacyRequest)
        .where(PrivacyRequest.id == row.id)
        .values(handled_by=by, handled_at=transaction.now, **values)
    )


def _close_case(transaction: Transaction, row: Row[*tuple[Any, ...]]) -> None:
    if row.case_number is not None:
        transaction.connection.execute(
            update(Case)
            .where(Case.number == row.case_number, Case.closed_at.is_(None))
            .values(status=CaseStatus.RESOLVED, updated_at=transaction.now)
        )


def _erase(transaction: Transaction, request: int, contact: int, by: str, staff: int | None) -> None:
    from desk import erasure

    forgotten = erasure.erase(transaction, contact=str(contact), by=by, staff=staff, why=f"request {request}")
    transaction.connection.execute(
        update(PrivacyRequest)
        .where(PrivacyRequest.contact_id.in_(forgotten.contacts), PrivacyRequest.state.in_(UNDONE))
        .values(state=PrivacyState.DONE, handled_by=by, handled_at=transaction.now, counts=dict(forgotten.counts))
    )


def _log(
    transaction: Transaction,
    action: str,
    by: str,
    staff: int | None,
    contact: int,
    request: int,
    client: str | None = None,
) -> None:
    audit.note(
        transaction.connection,
        at=transaction.now,
        who=by,
        staff=staff,
        action=action,
        subject=f"contact:{contact}",
        details={"request": request},
        client=client,
    )
