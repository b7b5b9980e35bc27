"""Searching as agents mean it: conditions, people by what is at hand, conversations once each, and never a guess."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, insert, update

from desk import search as desk
from desk.rights import RIGHTS
from desk.search import Results, Seeker, find_contacts
from desk.search_query import Asked, NoDate, NoState, State, understood
from nlu.chinese import simplified
from storage import linking
from storage.commits import Transaction
from storage.contacts import Address, Contact
from storage.conversations import Conversation, ConversationState
from storage.database import synchronous_engine
from storage.interactions import InteractionKind
from storage.lanes import Lane
from storage.orders import Order
from storage.search import Kind
from storage.search_words import Term, spans, term
from storage.staff import Role
from tests.storage.shelf import NOW, Shelf

ZONE = ZoneInfo("Asia/Shanghai")
AGENT = Seeker(name="Ben", rights=RIGHTS[Role.AGENT])
SUPERVISOR = Seeker(name="Sue", rights=RIGHTS[Role.SUPERVISOR])


class Room(Shelf):
    """A shelf with conversations on it, and somebody who looks for things."""

    def talk(self, *said: str, state: ConversationState = ConversationState.OPEN, **more: Any) -> int:
        def write(connection: Connection) -> int:
            uri = f"letters:{id(said)}-{len(self.texts)}-{state}"
            address = {"contact_id": self.somebody, "uri": uri, "created_at": NOW}
            made = connection.execute(insert(Address).returning(Address.id), address).scalar_one()
            row = {"contact_id": self.somebody, "address_id": made, "channel": "letters", "thread": uri, "state": state}
            row |= {"opened_at": NOW, "last_at": NOW, "memory": {}}
            return connection.execute(insert(Conversation).returning(Conversation.id), row).scalar_one()

        talk = self.do(write)
        self.says(*said, conversation_id=talk, **more)
        return talk

    def search(self, query: str, by: Seeker = AGENT, **more: Any) -> Results:
        self.index()
        return self.do(
            lambda connection: desk.search(
                Transaction(connection=connection, now=NOW), query=query, by=by, zone=ZONE, **more
            )
        )

    def talks(self, query: str, **more: Any) -> list[int | None]:
        return [row.conversation for row in self.search(query, **more).lines.rows]

    def people(self, query: str, **more: Any) -> list[int]:
        self.index()
        return self.do(
            lambda connection: [
                found.id for found in find_contacts(Transaction(connection=connection, now=NOW), query, **more)
            ]
        )


@pytest.fixture
def room(migrated_url: str) -> Iterator[Room]:
    engine = synchronous_engine(migrated_url)
    yield Room(engine)
    engine.dispose()


def test_a_query_is_words_phrases_and_a_few_conditions_in_the_readers_language() -> None:
    asked = understood('kettle "my order" -lamp channel:sms from:"Mei Ling" is:open case:1042 before:2026-11-01', ZONE)
    assert [typed for typed, _ in asked.wanted] == ["kettle", "my order"]
    assert [each.begins for _, each in asked.wanted] == [True, False], "a phrase is meant as it stands"
    assert asked.unwanted == (Term(tokens=("lamp",), begins=True),)
    assert (asked.channel, asked.author, asked.state, asked.case) == ("sms", "Mei Ling", State.OPEN, "C-1042")
    assert asked.before == datetime(2026, 11, 1, tzinfo=ZONE)
    chinese = understood("退款 渠道：短信 来自:我 状态：已结束 工单:c-7 晚于：2026年3月1日 “订单 到哪”", ZONE)
    assert (chinese.channel, chinese.author, chinese.state, chinese.case) == ("短信", "我", State.CLOSED, "C-7")
    assert chinese.after == datetime(2026, 3, 1, tzinfo=ZONE)
    assert [typed for typed, _ in chinese.wanted] == ["退款", "订单 到哪"]
    assert understood("", ZONE) == understood(" ,。- ", ZONE) == Asked()


@pytest.mark.parametrize("wrong", ["before:tomorrow", "after:2026-02-30", "before:0000-01-01", "before:2026"])
def test_a_day_that_is_none_is_said_so(wrong: str) -> None:
    with pytest.raises(NoDate):
        understood(wrong, ZONE)
    with pytest.raises(NoState):
        understood("is:green", ZONE)


@pytest.mark.parametrize(
    ("text", "query", "marked"),
    [
        ("我要退貨單，謝謝", "退货单", ["退貨單"]),
        ("Refunds, a refund", "refu", ["Refu", "refu"]),
        ("套餐是５Ｇ的", "5g的", ["５Ｇ的"]),
        ("Señor Müller", "muller", ["Müller"]),
        ("don't", "don't", ["don't"]),
        ("ab a b", "a", ["a"]),
        ("退款 款退 退", "退", ["退", "退", "退"]),
        ("my\norder", "my-order", ["my\norder"]),
        ("ﬁne print", "fine", ["ﬁne"]),
    ],
)
def test_what_was_asked_for_is_marked_where_it_stands(text: str, query: str, marked: list[str]) -> None:
    asked = term(query, simplified())
    assert asked is not None
    assert [text[start:end] for start, end in spans(text, [asked], simplified())] == marked


def test_a_conversation_is_shown_once_with_its_latest_line(room: Room) -> None:
    first = room.talk("the kettle leaks", "the kettle still leaks", "no")
    room.talk("a lamp")
    (found,) = room.search("kettle").lines.rows
    assert (found.conversation, found.text, found.more) == (first, "the kettle still leaks", 1)


def test_a_conversation_of_one_page_is_not_on_the_next(room: Room) -> None:
    talks = [room.talk("kettle") for _ in range(5)]
    room.says("kettle again", conversation_id=talks[0])
    pages: list[int | None] = []
    at: int | None = None
    while True:
        part = room.search("kettle", only=Kind.INTERACTION, most=2, before=at).lines
        pages += [row.conversation for row in part.rows]
        at = part.next
        if at is None:
            break
    assert pages == [talks[0], *reversed(talks[1:])]


def test_conditions_narrow_what_was_said(room: Room) -> None:
    open_one, over = room.talk("kettle one"), room.talk("kettle two", state=ConversationState.RESOLVED)
    spam = room.talk("kettle three", state=ConversationState.SPAM)
    sms = room.talk("kettle four", channel="sms", author="agent:Ben", at=NOW + timedelta(days=3))
    (visit,) = room.says("kettle five", kind=InteractionKind.VISIT, channel="offline")
    assert room.talks("kettle") == [None, sms, over, open_one]
    assert room.search("kettle five").lines.rows[0].id == visit
    assert room.talks("kettle is:open") == [sms, open_one]
    assert room.talks("kettle is:closed") == [over]
    assert room.talks("kettle is:spam") == [spam]
    assert room.talks("kettle channel:SMS") == room.talks("kettle from:me") == room.talks("kettle from:我") == [sms]
    assert room.talks("kettle after:2026-03-04") == [sms]
    assert room.talks("kettle before:2026-03-02") == room.talks("kettle after:2027-01-01") == []
    assert room.talks("kettle before:2026-03-03 from:customer is:open") == [open_one]
    assert room.talks("kettle from:Ann is:open") == [sms, open_one], "a customer of that name"
    assert room.talks("kettle from:Nobody") == []
    old = room.talk("kettle six", at=NOW - timedelta(days=800))
    assert room.talks("kettle before:2026-01-01") == room.talks("kettle after:2023-12-21 before:2023-12-24") == [old]
    assert room.talks("kettle after:2026-03-05 before:2026-03-01") == []
    assert room.talks("kettle before:9999-12-31 after:1066-10-14 from:me") == [sms]


def test_only_what_belongs_to_a_case(room: Room) -> None:
    talk, other = room.talk("the kettle"), room.talk("another kettle")
    case = room.case("C-1042", "a leak")
    room.says("a call about the kettle", case_id=case, kind=InteractionKind.CALL)
    room.do(lambda connection: connection.exec_driver_sql(f"UPDATE cases SET conversation_id = {talk}"))
    assert room.talks("kettle case:C-1042") == [None, talk]
    assert room.talks("kettle case:C-9") == []
    assert other in room.talks("kettle")
    assert [row.number for row in room.search("leak").cases.rows] == ["C-1042"]
    assert room.search("leak is:closed").cases.rows == []


def test_a_very_common_word_with_a_very_rare_condition_says_how_far_it_looked(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "LOOK_AT", (2, 3))
    spam = room.talk("kettle", state=ConversationState.SPAM)
    room.talk(*["kettle"] * 9)
    part = room.search("kettle is:spam").lines
    assert (part.rows, part.until) == ([], NOW.astimezone(UTC))
    found: list[int | None] = []
    while part.next is not None:
        part = room.search("kettle is:spam", only=Kind.INTERACTION, before=part.next).lines
        found += [row.conversation for row in part.rows]
    assert found == [spam]


def test_long_letters_are_shown_around_what_was_asked_for(room: Room) -> None:
    room.talk("Dear shop, " + "I write to you at length. " * 40 + "The kettle leaks. " + "Yours sincerely. " * 40)
    (found,) = room.search("kettle").lines.rows
    assert found.text.startswith("…")
    assert found.text.endswith("…")
    assert "The kettle leaks." in found.text
    assert len(found.text) < 300


def test_people_are_found_by_what_somebody_has_at_hand(room: Room) -> None:
    wang = room.contact("王小明", "tel:+8613812345678", "mailto:wang@shop.example", "telegram:4242", number="K-77")
    order = {"order_id": "SL20260012", "contact_id": wang, "at": NOW, "amount": Decimal(1), "currency": "CNY"}
    room.do(lambda connection: connection.execute(insert(Order), {**order, "status": "sent", "updated_at": NOW}))
    room.contact("王芳", "tel:+8613900000000")
    for whole in (
        *("王小明", "小明", "K-77", f"#{wang}", "13812345678", "+86 138-1234-5678", "(0)138 1234 5678"),
        *("Wang@Shop.example", "mailto:wang@shop.example", "telegram:4242", "4242", "sl20260012", " 王小明 "),
    ):
        assert room.people(whole) == [wang], whole
    for part in ("138123", "5678", "8613812345", "wang", "shop.example", "@shop.example", "+86138"):
        assert room.people(part) == [], f"{part} would be a way to guess"
    for part in ("5678", "138-1234", "wang", "shop.example", "1234"):
        assert room.people(part, private=True) == [wang], part
    assert len(room.people("王")) == 2
    assert room.people("王", most=1) != []
    assert room.people("") == room.people("\0") == []


def test_who_was_merged_is_found_as_the_one_they_are_now(room: Room) -> None:
    stays, merged = room.contact("Bea Hall"), room.contact("Beatrice Hall", "telegram:77001")
    for contact in (stays, merged):
        lane = {"contact_id": contact, "fence": 0, "newest": 0, "handled": 0}
        room.do(lambda connection, row=lane: connection.execute(insert(Lane), row))
    room.do(lambda connection: linking.link(connection, stays=stays, merged=merged, evidence="e", by="x", now=NOW))
    assert room.people("hall") == room.people("beatrice") == room.people("77001") == [stays]


def test_an_agent_guesses_nobodys_number_through_any_field(room: Room) -> None:
    room.contact("Wang", "tel:+8613812345678")
    room.case("C-1", "a leak", reach="13812345678")
    room.talk("hello")
    for query in ("1381", "13812345", "138*", '"1381"', "_p1381", "p1381", "from:1381 hello"):
        found = room.search(query)
        assert (found.contacts.rows, found.cases.rows) == ((), ()) or found.empty, query
    assert [found.name for found in room.search("1381", by=SUPERVISOR).contacts.rows] == ["Wang"]


def test_people_are_paged_by_their_numbers(room: Room) -> None:
    everybody = [room.contact(f"Lee {number}") for number in range(7)]
    found: list[int] = []
    at: int | None = None
    while True:
        part = room.search("lee", only=Kind.CONTACT, most=3, before=at).contacts
        found += [row.id for row in part.rows]
        at = part.next
        if at is None:
            break
    assert found == everybody[::-1]


def test_who_was_forgotten_is_found_by_nothing(room: Room) -> None:
    wang = room.contact("王小明", "tel:+8613812345678")
    room.index()

    def erase(connection: Connection) -> None:
        connection.execute(update(Contact).where(Contact.id == wang).values(name=None, external_id=None))
        connection.execute(update(Address).where(Address.contact_id == wang).values(uri=f"erased:{wang}"))

    room.do(erase)
    assert room.people("王小明") == room.people("13812345678") == room.people("5678", private=True) == []
