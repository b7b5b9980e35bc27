"""Routing: whoever waits for a person finds one who is here and fits, and is not forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from desk import conversations, routing
from storage.alerts import Alert
from storage.commits import Transaction
from storage.conversations import Owner
from storage.database import synchronous_engine
from storage.deliveries import Delivery
from tests.clock import FrozenClock
from tests.desk.floor import Floor, playbook


@pytest.fixture
def floor(migrated_url: str, clock: FrozenClock) -> Iterator[Floor]:
    engine = synchronous_engine(migrated_url)
    yield Floor(engine, clock)
    engine.dispose()


def test_who_waits_is_given_to_who_is_available_and_the_thread_says_why(floor: Floor) -> None:
    waiting = floor.waits()
    floor.run()
    assert floor.agent(waiting) is None
    floor.here("Ben")
    floor.run()
    row = floor.conversation(waiting)
    assert (row.owner, row.agent, row.epoch) == (Owner.AGENT, "Ben", 2)
    assert floor.told(waiting) == [{"event": "given", "to": "Ben", "why": "only", "lacks": ""}]
    assert [(alert.kind, alert.subject) for alert in floor.rows(Alert)] == [("assigned", f"conversation:{waiting}")]


def test_nobody_is_given_more_than_they_can_have_and_the_urgent_come_first(floor: Floor) -> None:
    waiting = [floor.waits(priority=priority) for priority in (3, 2, 1, 4)]
    floor.here("Ben", capacity=2)
    floor.run()
    floor.run()
    assert [floor.agent(one) for one in waiting] == [None, "Ben", "Ben", None]
    floor.do(conversations.resolve, conversation=waiting[2], by="Ben")
    floor.run()
    assert [floor.agent(one) for one in waiting] == ["Ben", "Ben", "Ben", None]


def test_what_rests_takes_up_nothing_and_a_mail_half(floor: Floor) -> None:
    floor.here("Ben", capacity=1)
    mails = [floor.waits(address="mailto:a@b.test?") for _ in range(3)]
    floor.run()
    assert [floor.agent(one) for one in mails] == ["Ben", "Ben", None]
    answer(floor, mails[0], "Ben")
    answer(floor, mails[1], "Ben")
    floor.run(3700)
    assert floor.agent(mails[2]) == "Ben"


def test_each_gets_what_they_speak_and_know_through_the_team_that_takes_it(floor: Floor) -> None:
    ben = floor.here("Ben", languages=["en"])
    mei = floor.here("Mei", languages=["zh-Hans", "zh-Hant"])
    eve = floor.here("Eve")
    returns = floor.team("Returns", eve, topics=["returns", "complaints"])
    floor.team("Front", ben, mei)
    english, chinese = floor.waits(), floor.waits(language="zh-Hant")
    sends_back = floor.waits(intent="refund_request")
    floor.run()
    floor.run()
    assert (floor.agent(english), floor.agent(chinese), floor.agent(sends_back)) == ("Ben", "Mei", "Eve")
    assert floor.conversation(sends_back).team_id == returns
    assert floor.routed(sends_back).topics == ["returns"]


def test_a_customer_who_comes_back_is_given_to_who_knows_them(floor: Floor) -> None:
    ben = floor.here("Ben")
    first = floor.waits()
    floor.run()
    answer(floor, first, "Ben")
    floor.do(conversations.resolve, conversation=first, by="Ben")
    busy = floor.waits()
    floor.run()
    assert floor.agent(busy) == "Ben"
    floor.here("Eve")
    again = floor.waits(contact=floor.conversation(first).contact_id)
    floor.run()
    assert floor.agent(again) == ben.name, "though Eve has nothing to do"
    assert floor.told(again)[0]["why"] == "knows"


def test_while_the_business_is_closed_nothing_is_given_and_nobody_is_late(floor: Floor, clock: FrozenClock) -> None:
    clock.jump(datetime(2026, 3, 2, 12, 58, tzinfo=UTC))  # two minutes before nine in the evening
    ben = floor.here("Ben")
    in_time, late = floor.waits(), 0
    floor.run()
    assert floor.agent(in_time) == "Ben"
    clock.jump(datetime(2026, 3, 2, 13, 0, tzinfo=UTC))
    late = floor.waits()
    floor.run()
    assert floor.agent(late) is None
    clock.jump(datetime(2026, 3, 3, 0, 59, 50, tzinfo=UTC))
    floor.run()
    assert floor.agent(in_time) == "Ben", "twelve hours of night are none of work"
    floor.people = [floor.log_in("ben@shop.test")]
    floor.say(floor.people[0], "available")
    floor.run(20)
    assert floor.agent(late) == "Ben"
    assert floor.agent(in_time) == "Ben"
    floor.run(13 * 60)
    assert (floor.agent(in_time), ben.name) == (None, "Ben"), "two minutes in the evening and thirteen in the morning"


def test_what_is_not_answered_in_time_goes_back_higher_up_and_to_another(floor: Floor) -> None:
    ben = floor.here("Ben")
    waiting = floor.waits(priority=3)
    floor.run()
    floor.run(14 * 60)
    assert floor.agent(waiting) == "Ben"
    floor.run(70)
    row = floor.conversation(waiting)
    assert (row.owner, row.priority, row.agent) == (Owner.QUEUE, 2, None)
    assert floor.told(waiting)[-1] == {"event": "returned", "source": "Ben", "why": "unanswered", "minutes": "15"}
    floor.run()
    assert floor.agent(waiting) is None, "Ben let it wait"
    floor.here("Eve")
    floor.run()
    assert floor.agent(waiting) == "Eve"
    assert floor.routed(waiting).tried == [ben.staff]


def test_who_answered_is_waited_for_from_the_customers_next_word_on(floor: Floor) -> None:
    floor.here("Ben")
    waiting = floor.waits()
    floor.run()
    floor.run(600)
    answer(floor, waiting, "Ben")
    floor.run(3600)
    assert floor.agent(waiting) == "Ben", "it is the customer's turn"
    floor.writes(waiting, "and?")
    floor.run(14 * 60)
    assert floor.agent(waiting) == "Ben"
    floor.run(70)
    assert floor.agent(waiting) is None


def test_what_somebody_has_who_is_gone_comes_back_sooner_but_not_a_mail(floor: Floor) -> None:
    floor.here("Ben")
    chat, mail = floor.waits(), floor.waits(address="mailto:a@b.test?")
    floor.run()
    floor.people.clear()
    floor.run(200)
    floor.run(290)
    assert floor.agent(chat) is None
    assert floor.told(chat)[-1]["why"] == "gone"
    assert floor.agent(mail) == "Ben"
    floor.clock.advance(timedelta(hours=4))
    floor.tick()
    assert floor.agent(mail) is None


def test_what_nobody_can_take_is_raised_and_then_given_to_whoever_is_here(floor: Floor) -> None:
    floor.here("Mei", languages=["zh-Hans"])
    waiting = floor.waits(priority=3)
    floor.run(590)
    assert floor.agent(waiting) is None
    floor.run(20)
    row = floor.conversation(waiting)
    assert (row.priority, row.agent) == (2, "Mei")
    raised, given = floor.told(waiting)
    assert raised == {"event": "raised", "minutes": "10"}
    assert given == {"event": "given", "to": "Mei", "why": "only", "lacks": "language"}


def test_what_nobody_takes_rises_to_the_top_and_is_not_spoken_of_for_ever(floor: Floor) -> None:
    waiting = floor.waits(priority=3)
    for _ in range(12):
        floor.run(600)
    assert floor.conversation(waiting).priority == 1
    assert [line["event"] for line in floor.told(waiting)] == ["raised", "raised"]


def test_who_takes_a_conversation_unasked_is_waited_for_like_everybody(floor: Floor) -> None:
    floor.here("Ben", capacity=0)
    waiting = floor.waits()
    floor.run()
    assert floor.agent(waiting) is None, "Ben is given nothing unasked"
    floor.do(conversations.take, conversation=waiting, by="Ben")
    floor.run(16 * 60)
    assert floor.agent(waiting) is None
    floor.do(conversations.take, conversation=waiting, by="Zoe, in the terminal")
    floor.run(16 * 60)
    assert floor.agent(waiting) == "Zoe, in the terminal", "who has no account cannot be seen to be gone"


def test_the_assistants_last_words_are_let_out_first(floor: Floor) -> None:
    floor.here("Ben")
    waiting = floor.waits()
    row = floor.conversation(waiting)
    line = floor.writes(waiting, "x")
    delivery: dict[str, Any] = {
        "interaction_id": line,
        "conversation_id": waiting,
        "contact_id": row.contact_id,
        "address_id": row.address_id,
        "channel": row.channel,
        "purpose": "service",
        "priority": 1,
        "epoch": 1,
        "status": "retrying",
        "attempts": 1,
        "message": {},
        "due_at": floor.clock(),
        "deadline": floor.clock() + timedelta(hours=1),
        "queued_at": floor.clock(),
        "updated_at": floor.clock(),
    }
    with floor.engine.begin() as connection:
        connection.execute(insert(Delivery), delivery)
    floor.run()
    assert floor.agent(waiting) is None
    floor.run(30)
    assert floor.agent(waiting) == "Ben"
    assert [row.status for row in floor.rows(Delivery)] == ["failed"]


def test_where_people_help_themselves_nothing_is_given(floor: Floor) -> None:
    floor.here("Ben")
    waiting = floor.waits()
    rules = replace(playbook().policy.routing, automatic=False)
    alone = replace(playbook(), policy=replace(playbook().policy, routing=rules))
    for _ in range(3):
        floor.clock.advance(1)
        floor.do(routing.distribute, playbook=alone)
    assert floor.agent(waiting) is None


def test_two_processes_give_one_conversation_once(floor: Floor) -> None:
    floor.here("Ben")
    floor.here("Eve")
    waiting = floor.waits()
    floor.do(routing.distribute, playbook=playbook())
    with floor.engine.begin() as one:
        assert routing.distribute(Transaction(connection=one, now=floor.clock()), playbook()) == 1
        if one.dialect.name == "postgresql":
            with floor.engine.begin() as two:
                assert routing.distribute(Transaction(connection=two, now=floor.clock()), playbook()) == 0
    floor.run()
    assert [line["event"] for line in floor.told(waiting)] == ["given"]


def answer(floor: Floor, conversation: int, name: str) -> None:
    floor.do(conversations.reply, conversation=conversation, by=name, text="Good day.", seen=10**9)
