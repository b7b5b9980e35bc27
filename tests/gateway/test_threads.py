"""Mail: messages belong together by what they answer, within one person, and answers say what they answer."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from channels.envelope import Attachment, AttachmentKind, InboundMessage, OutboundMessage, Quoted, Receipt
from desk import conversations
from gateway.talks import new_thread
from storage import linking
from storage.contacts import Address
from storage.conversations import Conversation
from storage.interactions import Interaction, InteractionKind, TurnRecord
from storage.lanes import Lane
from tests.acceptance import books
from tests.acceptance.house import House, Post, Provider, message, open_house
from tests.clock import FrozenClock


class Letters(Post):
    """A channel with threads, which keeps what was handed to it."""

    window = timedelta(days=7)

    def __init__(self, name: str) -> None:
        super().__init__(name, Provider())
        self.handed: list[OutboundMessage] = []

    async def send(self, message: OutboundMessage) -> Receipt:
        self.handed.append(message)
        await super().send(message)
        return Receipt(external_ids=(f"<{message.key}@us>",))


@pytest.fixture
async def house(small_house: None, tmp_path: Path, clock: FrozenClock, migrated_url: str) -> AsyncGenerator[House]:
    channels = [Letters("support"), Letters("sales"), Post("post", Provider())]
    house = await open_house(tmp_path, channels, clock, migrated_url)
    yield house
    await house.stop()


def mail(name: str, *references: str, sender: str = "a@b.c", channel: str = "support", **more: Any) -> InboundMessage:
    """`references`: the nearest first."""
    said = message(channel, f"mailto:{sender}", name, more.pop("text", ""))
    said = replace(said, external_id=f"uid-{name}", message_id=f"<{name}@them>", subject="Where is it?")
    return replace(said, references=references, **more)


async def accept(house: House, *mails: InboundMessage) -> None:
    """One a second, so that no channel's rate holds an answer up."""
    clock = house._clock
    assert isinstance(clock, FrozenClock)
    for each in mails:
        clock.advance(1)
        await house.ports[each.channel].accept([each])
        await house.settle()


async def talks(house: House) -> list[list[str]]:
    """Names of the messages by Conversation, in order."""
    kept = await house.database.read(books.read)
    return [[line.text.split()[0] for line in lines if line.inbound] for lines in kept.conversations().values()]


async def later(house: House, clock: FrozenClock, days: float) -> None:
    """So long that only what is named goes on with the same thread; nobody fell asleep meanwhile."""
    clock.advance(timedelta(days=days))
    await house._close_idle()


def handed(house: House, channel: str = "support") -> list[OutboundMessage]:
    letters = house.channels[channel]
    assert isinstance(letters, Letters)
    return letters.handed


M1, M3 = new_thread(mail("m1")), new_thread(mail("m3"))


async def threads(house: House) -> list[tuple[str, str]]:
    statement = select(Conversation.thread, Conversation.state).order_by(Conversation.id)
    rows = await house.database.read(lambda connection: connection.execute(statement).all())
    return [(row.thread, str(row.state)) for row in rows]


async def test_a_first_mail_names_its_thread(house: House) -> None:
    await accept(house, mail("m1"), replace(mail("m2", sender="d@e.f"), message_id=None))
    first, second = await threads(house)
    assert first[0] != second[0]
    assert all(re.fullmatch("[a-z0-9]{16}", name) for name, _ in (first, second)), "it fits into an address"


async def test_an_answer_to_ours_goes_on_with_its_conversation_although_its_subject_changed(
    house: House, clock: FrozenClock
) -> None:
    await accept(house, mail("m1"))
    clock.advance(timedelta(hours=3))
    await accept(house, mail("other", thread="<other@them>"))
    await accept(house, replace(mail("m2", "<d1@us>"), subject="Something else"))
    assert await talks(house) == [["m1", "m2"], ["other"]]


async def test_an_answer_to_a_thread_that_is_closed_opens_a_conversation_of_the_same_thread(
    house: House, clock: FrozenClock
) -> None:
    await accept(house, mail("m1"))
    await later(house, clock, 30)
    await accept(house, mail("m2", "<unknown@x>", "<m1@them>"))
    assert await threads(house) == [(M1, "idle"), (M1, "open")]


async def test_the_nearest_reference_counts(house: House, clock: FrozenClock) -> None:
    await accept(house, mail("m1", thread="one"), mail("n1", thread="two"))
    await accept(house, mail("x", "<n1@them>", "<m1@them>"), mail("y", "<m1@them>", "<n1@them>"))
    assert await talks(house) == [["m1", "y"], ["n1", "x"]]


async def test_a_mail_that_names_nothing_goes_on_with_its_senders_newest_conversation_within_the_window(
    house: House, clock: FrozenClock
) -> None:
    await accept(house, mail("m1"))
    await later(house, clock, 6)
    await accept(house, mail("m2"))
    await later(house, clock, 8)
    await accept(house, mail("m3"))
    assert await threads(house) == [(M1, "idle"), (M1, "idle"), (M3, "open")]


async def test_who_quotes_somebody_elses_mail_gets_a_conversation_of_their_own(house: House) -> None:
    await accept(house, mail("m1"), mail("evil", "<d1@us>", "<m1@them>", sender="x@y.z"))
    assert await talks(house) == [["m1"], ["evil"]]
    memories = select(Conversation.memory).order_by(Conversation.id)
    kept = await house.database.read(lambda connection: list(connection.scalars(memories)))
    assert kept == [{"turns": 1}, {"turns": 1}], "nobody else's memory"
    assert handed(house)[-1].references == ("<evil@them>",)


async def test_a_stranger_with_somebody_elses_signed_thread_gets_a_conversation_of_their_own(house: House) -> None:
    await accept(house, mail("m1", thread="t"), mail("evil", thread="t", sender="x@y.z"))
    assert await talks(house) == [["m1"], ["evil"]]


async def test_two_mails_in_one_batch_that_answer_each_other_are_one_conversation(house: House) -> None:
    first, second = mail("m1"), mail("m2", "<m1@them>", thread=None)
    apart = mail("n1", thread="apart")
    await house.ports["support"].accept([first, apart, second])
    await house.settle()
    assert await talks(house) == [["m1", "m2"], ["n1"]]


async def test_each_mailbox_has_its_own_conversations(house: House) -> None:
    await accept(house, mail("m1"), mail("n1", "<m1@them>", channel="sales"))
    assert await talks(house) == [["m1"], ["n1"]]


async def test_thousands_of_references_are_not_looked_up(house: House) -> None:
    await accept(house, mail("m1"))
    await accept(house, mail("m2", *(f"<{n}@forged>" for n in range(10_000)), sender="x@y.z"))
    assert await talks(house) == [["m1"], ["m2"]]


async def test_who_goes_on_from_another_address_of_theirs_is_answered_there(house: House, clock: FrozenClock) -> None:
    await accept(house, mail("m1"), mail("n1", sender="work@b.c"))
    await house.commits.run(
        lambda transaction: linking.link(
            transaction.connection, stays=1, merged=2, evidence="said so", by="agent:mei", now=clock()
        )
    )
    await accept(house, mail("m2", "<m1@them>", sender="work@b.c"))
    assert handed(house)[-1].address == "mailto:work@b.c"


async def test_two_contacts_with_the_same_thread_can_be_linked_and_taken_apart_again(
    house: House, clock: FrozenClock
) -> None:
    await accept(house, mail("m1", thread="t"), mail("n1", thread="t", sender="x@y.z"))

    def link(transaction: Any) -> int:
        return linking.link(transaction.connection, stays=1, merged=2, evidence="one", by="agent:mei", now=clock())

    made = await house.commits.run(link)
    assert await threads(house) == [("t", "open"), ("t", "resolved")]
    await house.commits.run(
        lambda transaction: linking.unlink(transaction.connection, made, by="agent:mei", now=clock())
    )
    assert await threads(house) == [("t", "open"), ("t", "open")]


async def test_a_linked_contacts_other_threads_stay_open(house: House, clock: FrozenClock) -> None:
    await accept(house, mail("m1", thread="t"), mail("n1", thread="u", sender="x@y.z"))
    await house.commits.run(
        lambda transaction: linking.link(
            transaction.connection, stays=1, merged=2, evidence="one", by="agent:mei", now=clock()
        )
    )
    assert await threads(house) == [("t", "open"), ("u", "open")]


# What leaves


async def test_an_answer_carries_what_it_answers(house: House, clock: FrozenClock) -> None:
    await accept(house, replace(mail("m1"), name="Lin"))
    await accept(house, mail("m2", "<d1@us>"))
    answer = handed(house)[-1]
    assert (answer.subject, answer.reply_to) == ("Re: Where is it?", "<m2@them>")
    assert answer.references == ("<m1@them>", "<d1@us>", "<m2@them>")
    assert answer.quoted == Quoted(author="Lin", at=mail("m2").sent_at, text="m2")
    assert (answer.automatic, answer.marketing, answer.thread) == (True, False, M1)


async def test_the_subject_of_an_answer_to_an_answer_is_not_marked_twice(house: House) -> None:
    await accept(house, replace(mail("m1"), subject="回复：退款"))
    assert handed(house)[-1].subject == "回复：退款"


async def test_a_mail_without_a_subject_is_answered_in_its_thread(house: House) -> None:
    await accept(house, replace(mail("m1"), subject=None))
    assert (handed(house)[-1].subject, handed(house)[-1].references) == (None, ("<m1@them>",))


async def test_a_long_thread_is_named_by_its_first_and_latest_mails(house: House, clock: FrozenClock) -> None:
    for n in range(15):
        await accept(house, mail(f"m{n}"))
    references = handed(house)[-1].references
    assert (len(references), references[0], references[-1]) == (20, "<m0@them>", "<m14@them>")
    assert references[-2] == "<d14@us>"


async def test_an_agents_own_answer_is_not_automatic_and_carries_the_thread(house: House, clock: FrozenClock) -> None:
    await accept(house, mail("m1", text="person"))
    await house.commits.run(lambda transaction: conversations.take(transaction, conversation=1, by="mei"))
    await accept(house, mail("m2", "<d1@us>"))
    newest = select(func.max(Interaction.id))
    seen = await house.database.read(lambda connection: connection.scalar(newest))
    written = await house.commits.run(
        lambda transaction: conversations.reply(transaction, conversation=1, by="mei", text="Here it is.", seen=seen)
    )
    await house.settle()
    answer = handed(house)[-1]
    assert (answer.key, answer.automatic, answer.subject) == (f"d{written.delivery}", False, "Re: Where is it?")
    assert answer.reply_to == "<m2@them>"
    assert answer.quoted is not None
    assert answer.quoted.text == "m2"


async def test_a_promise_kept_in_a_closed_thread_still_belongs_to_it(house: House, clock: FrozenClock) -> None:
    await accept(house, mail("m1", text="later bye"))
    clock.advance(6)
    await house.tick()
    await house.settle()
    promised = handed(house)[-1]
    assert promised.text == "as promised m1"
    assert promised.references == ("<m1@them>",)
    assert promised.subject == "Re: Where is it?"


async def test_channels_without_threads_are_asked_nothing_and_quote_nothing(house: House) -> None:
    await accept(house, message("post", "post:1", "m1", ""))
    stored = await house.database.read(
        lambda connection: connection.execute(select(Interaction.content)).scalars().all()
    )
    assert [("subject" in content) for content in stored] == [False, False]


# Copies


async def test_the_same_mail_under_another_name_of_the_mailbox_is_a_duplicate(house: House) -> None:
    known = replace(mail("m1"), fingerprint="f1")
    (first,) = await house.ports["support"].accept([known])
    (again,) = await house.ports["support"].accept([replace(known, external_id="uid-of-a-rebuilt-box")])
    assert (again.interaction_id, again.duplicate) == (first.interaction_id, True)
    one, two = await house.ports["support"].accept(
        [replace(known, external_id="a", fingerprint="f2"), replace(known, external_id="b", fingerprint="f2")]
    )
    assert (one.duplicate, two.duplicate, two.interaction_id) == (False, True, one.interaction_id)


async def test_another_mail_with_a_forged_identity_is_no_duplicate(house: House) -> None:
    await house.ports["support"].accept([replace(mail("m1"), fingerprint="f1")])
    forged = replace(mail("m2", sender="x@y.z"), message_id="<m1@them>", fingerprint="f2")
    (accepted,) = await house.ports["support"].accept([forged])
    assert accepted.duplicate is False


async def test_the_same_content_in_another_mailbox_is_another_mail(house: House) -> None:
    await house.ports["support"].accept([replace(mail("m1"), fingerprint="f1")])
    (other,) = await house.ports["sales"].accept([replace(mail("m1", channel="sales"), fingerprint="f1")])
    assert other.duplicate is False


# What nobody wrote


async def counts(house: House) -> tuple[int, int, int]:
    """Conversations, Turns, Deliveries."""
    kept = await house.database.read(books.read)
    tables = select(func.count()).select_from(Conversation), select(func.count()).select_from(TurnRecord)
    conversations, turns = [await house.database.read(lambda c, q=query: c.scalar(q) or 0) for query in tables]
    return conversations, turns, sum(1 for line in kept.outbound if line.delivery is not None)


async def automatic(house: House) -> list[Any]:
    statement = select(Interaction).with_only_columns(
        Interaction.kind, Interaction.conversation_id, Interaction.content["automatic"].as_string().label("reason")
    )
    rows = await house.database.read(lambda connection: connection.execute(statement.order_by(Interaction.id)).all())
    return [row for row in rows if row.kind is InteractionKind.AUTOMATIC]


async def test_an_out_of_office_note_from_a_stranger_is_recorded_and_nothing_else(house: House) -> None:
    await accept(house, mail("m1", automatic="out of office", text="unsubscribe"))
    assert await counts(house) == (0, 0, 0)
    assert [(row.conversation_id, row.reason) for row in await automatic(house)] == [(None, "out of office")]
    lane = select(Lane.newest, Lane.handled, Lane.holder)
    assert tuple(await house.database.read(lambda connection: connection.execute(lane).one())) == (0, 0, None)


async def test_an_out_of_office_note_in_a_thread_is_attached_to_it_and_not_answered(
    house: House, clock: FrozenClock
) -> None:
    await accept(house, mail("m1"), mail("m2", thread="apart"))
    await accept(house, mail("a1", "<d1@us>", automatic="auto-reply"))
    await later(house, clock, 30)
    await accept(house, mail("a2", "<m2@them>", automatic="auto-reply"), mail("a3", automatic="list"))
    assert [row.conversation_id for row in await automatic(house)] == [1, 2, None]
    assert await counts(house) == (2, 2, 2)


async def test_an_automatic_mail_between_two_persons_mails_is_in_no_turn(house: House) -> None:
    await house.ports["support"].accept([mail("m1"), mail("a1", automatic="auto-reply"), mail("m2")])
    await house.settle()
    assert [sent.text for sent in handed(house)] == ["re m1 m2"]
    await accept(house, mail("m3"))
    assert handed(house)[-1].text == "re m3"
    assert await house.database.read(books.unfinished) == {}


async def test_an_automatic_mail_opens_no_closed_address_and_makes_no_draft_stale(
    house: House, clock: FrozenClock
) -> None:
    await accept(house, mail("m1", text="person"))
    await house.commits.run(lambda transaction: conversations.take(transaction, conversation=1, by="mei"))
    await accept(house, mail("a1", automatic="auto-reply"))
    written = await house.commits.run(
        lambda transaction: conversations.reply(transaction, conversation=1, by="mei", text="Here.")
    )
    assert written.delivery is not None

    def close(transaction: Any) -> None:
        transaction.connection.execute(update(Address).values(closed_at=clock(), closed_reason="5.1.1"))

    await house.commits.run(close)
    await accept(house, mail("a2", automatic="auto-reply"))
    closed = select(Address.closed_reason)
    assert await house.database.read(lambda connection: connection.execute(closed).scalar()) == "5.1.1"


async def test_attachments_of_automatic_mail_are_kept_like_others(house: House) -> None:
    attached = Attachment(kind=AttachmentKind.FILE, id="ab" * 32, name="note.txt")
    await accept(house, mail("a1", automatic="list", attachments=(attached,)))
    content = await house.database.read(lambda connection: connection.execute(select(Interaction.content)).scalar_one())
    assert content["attachments"][0]["name"] == "note.txt"


async def test_the_courtesies_of_a_mail_are_recorded_and_not_understood(house: House) -> None:
    words = "Hello,\n\nm1 broken\n\nBest regards"
    await accept(house, replace(mail("m1"), text=words, matter="m1"))
    rows = await house.database.read(
        lambda connection: connection.execute(select(Interaction.text, Interaction.author)).all()
    )
    assert [row.text for row in rows] == [words, "re m1"]


async def test_a_new_subject_is_answered_in_the_thread_that_it_begins(house: House, clock: FrozenClock) -> None:
    await accept(house, mail("m1"), replace(mail("m2"), subject="Do you sell cups?"))
    assert await talks(house) == [["m1", "m2"]], "for us it goes on"
    answer = handed(house)[-1]
    assert (answer.subject, answer.reply_to, answer.references) == (
        "Re: Do you sell cups?",
        "<m2@them>",
        ("<m2@them>",),
    )
    await accept(house, mail("m3", "<d1@us>"))
    assert handed(house)[-1].references == ("<m1@them>", "<d1@us>", "<m3@them>")
    await accept(house, replace(mail("m4", "<d2@us>"), subject="Re: Do you sell cups?"))
    assert handed(house)[-1].references == ("<m2@them>", "<d2@us>", "<m4@them>")
