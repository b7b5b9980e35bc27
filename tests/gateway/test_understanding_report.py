"""The report says how well messages are understood, on how many it rests, and nothing where these are too few."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert

from gateway.understanding_picture import picture
from gateway.understanding_report import CrossChecked, report
from nlu.scores import scores
from storage.contacts import Address, Contact
from storage.conversations import Conversation, ConversationState, Owner
from storage.database import synchronous_engine
from storage.interactions import Direction, Interaction, InteractionKind, TurnRecord
from storage.reviews import Review, ReviewState, Why

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
"""A Wednesday."""


@pytest.fixture
def connection(migrated_url: str) -> Iterator[Connection]:
    engine = synchronous_engine(migrated_url)
    with engine.begin() as connection:
        connection.execute(insert(Contact), {"id": 1, "tier": "ordinary", "created_at": NOW})
        connection.execute(insert(Address), {"id": 1, "contact_id": 1, "uri": "mailto:a@b.c", "created_at": NOW})
        conversation = {"id": 1, "contact_id": 1, "address_id": 1, "channel": "mail", "thread": "", "epoch": 0}
        state = {"state": ConversationState.OPEN, "owner": Owner.BOT, "memory": {}, "priority": 3}
        connection.execute(insert(Conversation), conversation | state | {"opened_at": NOW, "last_at": NOW})
        yield connection
    engine.dispose()


class Book:
    """Writes what customers said, and what was understood."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._count = 0

    def week(self, weeks_ago: int, mix: Mapping[str | None, int], confidence: float = 0.9) -> None:
        for intent, count in mix.items():
            for _ in range(count):
                self.said(NOW - timedelta(weeks=weeks_ago), intent, confidence)

    def said(
        self,
        at: datetime,
        intent: str | None,
        confidence: float = 0.9,
        *,
        kind: InteractionKind = InteractionKind.MESSAGE,
        text: str = "words",
    ) -> int:
        self._count += 1
        said = {"id": self._count, "contact_id": 1, "conversation_id": 1, "channel": "mail", "author": "customer"}
        what = {"direction": Direction.IN, "kind": kind, "text": text, "content": {}, "at": at, "stored_at": at}
        self._connection.execute(insert(Interaction), said | what)
        turn = {"interaction_id": self._count, "conversation_id": 1, "at": at, "facts": b"{}", "effects": b"[]"}
        told = {"playbook": "p", "intent": intent, "confidence": confidence if intent else None, "engine": "embedded"}
        self._connection.execute(insert(TurnRecord), turn | told)
        return self._count

    def judged(self, was: str, taken_for: str | None, state: ReviewState, *, out_of_scope: bool = False) -> None:
        at = NOW - timedelta(days=1)
        intents = [] if taken_for is None else [[taken_for, 0.5]]
        self._connection.execute(
            insert(Review),
            {
                "interaction_id": self.said(at, taken_for, 0.5),
                "why": Why.CLARIFIED if taken_for else Why.FELL_THROUGH,
                "state": state,
                "understood": {"intents": intents, "out_of_scope": out_of_scope, "engine": "embedded"},
                "queued_at": at,
                "intent": was if state is ReviewState.ACCEPTED else None,
                "suggested": was if state is ReviewState.WAITING else None,
                "suggested_by": "mei" if state is ReviewState.WAITING else None,
            },
        )


@pytest.fixture
def book(connection: Connection) -> Book:
    return Book(connection)


def read(connection: Connection, **given: Any) -> Any:
    return report(connection, since=given.pop("since", None), now=NOW, cross_checked=None, **given)


def test_weeks_are_counted_with_what_was_not_understood(connection: Connection, book: Book) -> None:
    book.week(2, {"order_status": 15, None: 5}, confidence=0.8)
    book.week(0, {"greet": 3})
    first, empty, present = read(connection).weeks
    assert (first.monday, first.messages, first.intents) == (date(2026, 2, 16), 20, {"order_status": 15})
    assert (first.not_understood.share, first.not_understood.count) == (0.25, 5)
    assert first.confidence == pytest.approx(0.8)
    assert (first.complete, empty.messages, empty.not_understood.share) == (True, 0, None)
    assert (present.monday, present.complete) == (date(2026, 3, 2), False)
    assert (present.not_understood.share, present.confidence) == (None, None), "three messages say nothing"


def test_buttons_and_pictures_are_no_messages_that_were_not_understood(connection: Connection, book: Book) -> None:
    book.said(NOW, None, kind=InteractionKind.CALLBACK, text="choice:1:1")
    book.said(NOW, None, text="")
    book.said(NOW, None, kind=InteractionKind.EDIT)
    (week,) = read(connection).weeks
    assert (week.messages, week.not_understood.count) == (1, 1)


def test_only_what_was_asked_for_is_read(connection: Connection, book: Book) -> None:
    book.week(9, {"greet": 20})
    book.week(1, {"thank": 20})
    assert [week.intents for week in read(connection, since=NOW - timedelta(weeks=3)).weeks] == [{"thank": 20}, {}]
    assert len(read(connection, since=NOW - timedelta(weeks=20)).weeks) == 10


def test_a_mix_that_changes_by_more_than_chance_is_called_changed(connection: Connection, book: Book) -> None:
    for weeks_ago in (4, 3, 2):
        book.week(weeks_ago, {"order_status": 40, "greet": 40, None: 10})
    book.week(1, {"order_status": 10, "refund_request": 60, "greet": 10, None: 10})
    first, second, third, changed, _ = read(connection).weeks
    assert first.distance is None
    assert [week.distance is not None and week.distance.changed for week in (second, third, changed)] == [
        False,
        False,
        True,
    ]
    assert changed.distance is not None
    assert changed.distance.compared_with == 270


def test_people_s_judgement_becomes_precision_and_recall(connection: Connection, book: Book) -> None:
    for _ in range(12):
        book.judged("refund_request", "refund_request", ReviewState.ACCEPTED)
    for _ in range(4):
        book.judged("exchange_request", "refund_request", ReviewState.WAITING)
    book.judged("refund_request", None, ReviewState.ACCEPTED)
    book.judged("greet", None, ReviewState.ACCEPTED, out_of_scope=True)
    book.judged("", "thank", ReviewState.DISCARDED)
    found = read(connection).reviewed
    assert (found.accepted, found.corrected, found.discarded, found.waiting) == (14, 4, 1, 4)
    by_name = {one.intent: one for one in found.scores.intents}
    refund = by_name["refund_request"]
    assert (refund.precision.count, refund.precision.of, refund.precision.share) == (12, 16, 0.75)
    assert (refund.recall.count, refund.recall.of) == (12, 13)
    assert (by_name["exchange_request"].recall.of, by_name["exchange_request"].recall.share) == (4, None)
    assert "thank" not in by_name
    assert [(wrong.expected, wrong.answered, wrong.count) for wrong in found.scores.confusions] == [
        ("exchange_request", "refund_request", 4),
        ("greet", "out_of_scope", 1),
        ("refund_request", "(not understood)", 1),
    ]
    (week,) = read(connection).weeks
    assert (week.asked_back, week.fell_through) == (17, 2)


def test_an_empty_house_has_an_empty_report_and_a_picture_that_says_so(connection: Connection) -> None:
    found = read(connection)
    assert (found.weeks, found.reviewed.scores.accuracy.of) == ((), 0)
    assert "too few messages" in picture(found)


def test_the_picture_is_an_svg_with_every_week_and_the_worst_intents(connection: Connection, book: Book) -> None:
    for weeks_ago in (5, 4, 3, 2):
        book.week(weeks_ago, {"order_status": 40, "greet": 40, None: 10})
    book.week(1, {"refund_request": 60, "a<b>&c": 5, None: 30})
    pairs = [("refund_request", "refund_request")] * 20 + [("greet", "thank")] * 5 + [("thank", "thank")] * 20
    checked = CrossChecked(engine="embedded", examples=45, folds=4, scores=scores(pairs))
    drawn = picture(report(connection, since=None, now=NOW, cross_checked=checked))
    root = ET.fromstring(drawn)
    words = [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"26 Jan", "02 Mar", "▲", "a<b>&c", "greet → thank"} <= set(words)
    assert any("45 training examples, 4-fold, embedded" in line for line in words)
