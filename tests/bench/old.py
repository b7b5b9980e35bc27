"""Years of old interactions, in every table, made from conversations that were really held."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Table, event, insert

from channels.webchat.identity import Signer, Visitor
from channels.webchat.settings import WebChatSettings
from storage import keys
from storage.cases import Case
from storage.consents import Consent
from storage.contacts import Address, Contact
from storage.conversations import Conversation, ConversationState, Owner
from storage.database import sqlite_engine
from storage.deliveries import Delivery
from storage.follow_ups import FollowUp, FollowUpState
from storage.interactions import Direction, Interaction, InteractionKind, TurnRecord
from storage.lanes import Lane
from storage.migrations import migrate
from storage.orders import Order
from storage.schema import Entity

EXCHANGES: Final = 5
"""Messages of the customer in one conversation, each with its answer."""
CONVERSATIONS: Final = 2
"""Of one contact."""
OF_ONE_CONTACT: Final = 2 * EXCHANGES * CONVERSATIONS
"""Interactions."""
AT_A_TIME: Final = 200
"""Contacts written with one statement a table."""

ORDINARY: Final = (
    ("hello", "what are your opening hours?", "how long does delivery take?", "thank you, that helps a lot", "bye"),
    ("你好", "你们几点开门？", "退货需要多长时间？", "快递一般几天能到？", "谢谢你，再见"),
    ("您好", "請問運費怎麼算？", "可以換貨嗎？", "多久可以退款？", "謝謝"),
    ("good morning", "where is my order SL20260012?", "can I change the delivery address?", "ok", "thanks a lot"),
    ("are you a robot?", "which payment methods do you take?", "do you have a warranty?", "how are you?", "goodbye"),
)
"""What customers write on ordinary days: the patterns of the old interactions."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """One message and its answer, as the gateway recorded them."""

    asked: Mapping[str, Any]
    answered: Mapping[str, Any]
    delivery: Mapping[str, Any]
    turn: Mapping[str, Any]


def held(furnished: Path) -> Sequence[Exchange]:
    """The exchanges in the database of a gateway that has stopped."""
    connection = sqlite3.connect(furnished / "rapport.sqlite3")
    connection.row_factory = sqlite3.Row
    try:
        turns = connection.execute("SELECT * FROM turns WHERE failure IS NULL ORDER BY interaction_id").fetchall()
        return [_exchange(connection, turn) for turn in turns]
    finally:
        connection.close()


def _exchange(connection: sqlite3.Connection, turn: sqlite3.Row) -> Exchange:
    asked = connection.execute("SELECT * FROM interactions WHERE id = ?", [turn["interaction_id"]]).fetchone()
    answered = connection.execute(
        "SELECT * FROM interactions WHERE conversation_id = ? AND id > ? AND direction = 'out' ORDER BY id",
        [turn["conversation_id"], asked["id"]],
    ).fetchone()
    delivery = connection.execute("SELECT * FROM deliveries WHERE interaction_id = ?", [answered["id"]]).fetchone()
    return Exchange(asked=dict(asked), answered=dict(answered), delivery=dict(delivery), turn=dict(turn))


class Archive:
    """A database that grows by old interactions, and of which copies are opened for business."""

    def __init__(self, folder: Path, exchanges: Sequence[Exchange]) -> None:
        folder.mkdir(parents=True)
        self._path = folder / "rapport.sqlite3"
        self._exchanges = exchanges
        self.interactions = 0
        migrate(f"sqlite:///{self._path}")
        with sqlite_engine(self._path).begin() as connection:
            self._key = keys.find_or_make(connection, "webchat")

    def grow(self, interactions: int) -> None:
        """Up to so many interactions, rounded up to whole contacts."""
        engine = sqlite_engine(self._path)
        event.listen(engine, "connect", hurry)
        with engine.connect() as connection:
            while self.interactions < interactions:
                contacts = min(AT_A_TIME, -(-(interactions - self.interactions) // OF_ONE_CONTACT))
                first = self.interactions // OF_ONE_CONTACT + 1
                with connection.begin():
                    _write(connection, range(first, first + contacts), self._exchanges)
                self.interactions += contacts * OF_ONE_CONTACT
        engine.dispose()

    def copy(self, folder: Path) -> float:
        """Put a copy into a data folder; its size in megabytes (10^6 bytes)."""
        copy = folder / "rapport.sqlite3"
        shutil.copyfile(self._path, copy)
        # Else the gateway's first fsync would wait for two gigabytes that it never wrote.
        with copy.open("rb") as file:
            os.fsync(file.fileno())
        return self._path.stat().st_size / 1e6

    def returning(self, count: int) -> Sequence[str]:
        """Tokens of customers from all over the years, who come back."""
        signer = Signer(WebChatSettings(secret=self._key))
        contacts = self.interactions // OF_ONE_CONTACT
        now = int(datetime.now(UTC).timestamp())
        return [
            signer.issue(Visitor(id=_visitor(1 + number * contacts // count), issued_at=now))
            for number in range(min(count, contacts))
        ]


def hurry(connection: sqlite3.Connection, _entry: object) -> None:
    # Nothing here must survive a crash, and every parent is written beside its children.
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA foreign_keys=OFF")


def _write(connection: Connection, contacts: Sequence[int], exchanges: Sequence[Exchange]) -> None:
    rows: dict[type[Entity], list[dict[str, Any]]] = {}
    for contact in contacts:
        for entity, row in _rows(contact, exchanges):
            rows.setdefault(entity, []).append(row)
    for entity, of_entity in rows.items():
        table = entity.__table__
        assert isinstance(table, Table)
        connection.execute(insert(table), of_entity)


def _rows(contact: int, exchanges: Sequence[Exchange]) -> Iterator[tuple[type[Entity], dict[str, Any]]]:
    """Everything about one contact. Ids follow from the contact's number, so nothing has to be looked up."""
    began = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=9 * contact)
    last = contact * OF_ONE_CONTACT - 1
    yield (
        Contact,
        {
            "id": contact,
            "external_id": f"K{contact:07}",
            "name": f"Customer {contact}",
            "language": ("en", "zh-Hans", "zh-Hant")[contact % 3],
            "time_zone": "Asia/Shanghai",
            "tier": "ordinary",
            "created_at": began,
        },
    )
    yield (
        Address,
        {"id": contact, "contact_id": contact, "uri": f"webchat:{_visitor(contact)}", "created_at": began},
    )
    yield Lane, {"contact_id": contact, "fence": 2 * EXCHANGES, "newest": last, "handled": last}
    if contact % 3 == 0:
        yield (
            Consent,
            {**_of(contact), "purpose": "marketing", "granted": True, "source": "import", "words": "", "at": began},
        )
    for number in range(2):
        yield Order, _order(contact, number, began)
    for number in range(CONVERSATIONS):
        yield from _conversation(contact, number, began + timedelta(days=40 * number), exchanges)


def _conversation(
    contact: int, number: int, began: datetime, exchanges: Sequence[Exchange]
) -> Iterator[tuple[type[Entity], dict[str, Any]]]:
    conversation = (contact - 1) * CONVERSATIONS + number + 1
    ended = began + timedelta(minutes=EXCHANGES)
    yield (
        Conversation,
        {
            "id": conversation,
            **_of(contact),
            "channel": "webchat",
            "thread": "",
            "state": ConversationState.IDLE,
            "owner": Owner.BOT,
            "epoch": 0,
            "memory": {},
            "opened_at": began,
            "last_at": ended,
            "closed_at": ended + timedelta(days=1),
            "priority": 3,
        },
    )
    for turn in range(EXCHANGES):
        exchange = exchanges[(conversation * EXCHANGES + turn) % len(exchanges)]
        identity = ((conversation - 1) * EXCHANGES + turn) * 2 + 1
        yield from _exchanged(contact, conversation, identity, began + timedelta(minutes=turn), exchange)
    if conversation % 10 == 0:
        yield from _complaint(contact, conversation, ended)


def _exchanged(
    contact: int, conversation: int, identity: int, at: datetime, exchange: Exchange
) -> Iterator[tuple[type[Entity], dict[str, Any]]]:
    """`identity`: of the customer's message; its answer has the next one."""
    place = {**_of(contact), "conversation_id": conversation, "channel": "webchat"}
    asked, answered = exchange.asked, exchange.answered
    common = {"kind": InteractionKind.MESSAGE, "at": at, "stored_at": at}
    yield (
        Interaction,
        {
            "id": identity,
            **place,
            **common,
            "direction": Direction.IN,
            "author": "customer",
            "text": asked["text"],
            "content": orjson.loads(asked["content"]),
            "external_id": f"{_visitor(contact)}:{identity:032x}",
            "message_id": f"{identity:032x}",
            "raw": asked["raw"],
        },
    )
    yield (
        Interaction,
        {
            "id": identity + 1,
            **place,
            **common,
            "direction": Direction.OUT,
            "author": "bot",
            "text": answered["text"],
            "content": orjson.loads(answered["content"]),
            "external_id": None,
            "message_id": None,
            "raw": None,
        },
    )
    kept = ("facts", "effects", "playbook", "intent", "confidence", "engine")
    yield (
        TurnRecord,
        {
            "interaction_id": identity,
            "conversation_id": conversation,
            "at": at,
            **{column: exchange.turn[column] for column in kept},
        },
    )
    yield (
        Delivery,
        {
            "id": identity // 2 + 1,
            **place,
            "interaction_id": identity + 1,
            "purpose": exchange.delivery["purpose"],
            "priority": exchange.delivery["priority"],
            "message": orjson.loads(exchange.delivery["message"]),
            "status": "delivered",
            "epoch": 0,
            "due_at": at,
            "deadline": at + timedelta(hours=1),
            "attempts": 0,
            "external_id": str(identity + 1),
            "queued_at": at,
            "sent_at": at,
            "updated_at": at,
        },
    )


def _complaint(contact: int, conversation: int, at: datetime) -> Iterator[tuple[type[Entity], dict[str, Any]]]:
    number = f"C-{conversation}"
    yield (
        Case,
        {
            "id": conversation // 10,
            "number": number,
            "contact_id": contact,
            "conversation_id": conversation,
            "kind": "complaint",
            "status": "closed",
            "subject": "The cup arrived broken",
            "facts": {"what": "the cup arrived broken", "wanted": "replacement", "order": f"SL{contact:08}"},
            "founded": True,
            "proposal": {"kind": "replacement", "accepted": True},
            "promises": [],
            "priority": 3,
            "score": 4,
            "survey_asked": True,
            "opened_at": at,
            "updated_at": at,
            "closed_at": at + timedelta(days=5),
        },
    )
    yield (
        FollowUp,
        {
            "id": conversation // 10,
            "contact_id": contact,
            "conversation_id": conversation,
            "case_number": number,
            "kind": "survey",
            "key": f"survey:{number}",
            "reason": "the case was closed",
            "details": {},
            "due_at": at + timedelta(days=6),
            "state": FollowUpState.DONE,
            "planned_at": at,
            "done_at": at + timedelta(days=6),
        },
    )


def _order(contact: int, number: int, began: datetime) -> dict[str, Any]:
    return {
        "order_id": f"SL{contact:08}{number}",
        "contact_id": contact,
        "at": began - timedelta(days=3),
        "amount": Decimal(128),
        "currency": "CNY",
        "status": "delivered",
        "product": "Cup, celadon",
        "quantity": 1,
        "updated_at": began,
    }


def _of(contact: int) -> dict[str, int]:
    return {"contact_id": contact, "address_id": contact}


def _visitor(contact: int) -> str:
    return f"{contact:032x}"
