"""The inbox: views with their counters, reasons in words, filters, saved views, and rows that renew themselves."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from desk import conversations
from storage.contacts import Contact
from storage.conversations import Conversation
from storage.views import SavedView
from tests.web.console.listening import looking
from tests.web.console.people import Console
from tests.web.console.test_conversations import NASTY, asks_for_a_person


async def ask(console: Console, *senders: str) -> None:
    console.house.hears.intent = "human_request"
    for sender in senders:
        await console.house.write(f"a person, please, says {sender}", sender=sender)
    await console.house.later(1)


async def test_each_view_has_its_counter_and_says_when_it_is_empty(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    assert "Nobody is waiting." in (await ben.get("/console/inbox")).words
    await ask(console, "ann", "bob", "cat")
    await console.house.do(conversations.take, conversation=1, by="Ben")
    await console.house.do(conversations.reply, conversation=1, by="Ben", text="Good day.")
    page = await ben.get("/console/inbox?view=mine")
    for tab in ("Mine 1", "Unassigned 2", "My teams 0", "Waiting for customer 1", "At risk 0", "All 3"):
        assert tab in page.words, tab
    assert 'href="/console/conversations/1"' in page.html
    assert 'href="/console/conversations/2"' not in page.html
    assert "the customer's move" in page.words
    assert "Ben: Good day." in page.words


async def test_the_reasons_are_said_in_the_readers_language(console: Console) -> None:
    ben, eve = await console.staff("Ben", "agent"), await console.staff("Eve", "agent", language="zh-Hans")
    await ask(console, "ann")
    await console.house.do_now(
        lambda transaction: transaction.connection.execute(update(Contact).values(tier="key")).rowcount
    )
    await console.house.do_now(
        lambda transaction: transaction.connection.execute(update(Conversation).values(priority=1)).rowcount
    )
    await console.house.do(conversations.note, conversation=1, by="Ben", text="soon")
    console.house.clock.advance(12 * 60)
    words = (await ben.get("/console/inbox")).words
    for reason in ("urgent", "key customer", "waiting 12 min", "asked for a person"):
        assert reason in words
    words = (await eve.get("/console/inbox?view=risk")).words
    for reason in ("紧急", "重点客户", "已等待 12 分钟", "要求人工客服", "有风险 1"):
        assert reason in words


async def test_a_list_that_is_open_hears_when_it_shows_something_else_and_only_then(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    await ask(console, "ann")
    await console.house.do(conversations.take, conversation=1, by="Eve")
    await ben.get("/console/inbox?view=mine")
    async with looking(ben, "inbox=view%3Dmine") as mine, looking(ben, "inbox=view%3Dall") as every:
        await mine.hears("inbox", seconds=0.7)
        await every.hears("inbox", seconds=0.7)
        console.house.hears.intent = "greet"
        await console.house.write("hello", sender="zoe")
        assert not await every.hears("inbox", seconds=0.7), "the assistant has them"
        await console.house.write("are you there?")
        assert await every.hears("inbox")
        assert not await mine.hears("inbox", seconds=0.7)
        await console.house.do(conversations.take, conversation=1, by="Ben", from_colleague=True)
        assert await mine.hears("inbox")
        assert await every.hears("inbox")
    assert "are you there?" in (await ben.get("/console/inbox?view=mine")).words


async def test_what_the_assistant_has_and_what_is_over_are_lists_of_their_own(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    await ask(console, "ann")
    console.house.hears.intent = "greet"
    await console.house.write("hello there", sender="zoe")
    assistants = await ben.get("/console/inbox?view=assistant")
    assert "/console/conversations/2" in assistants.html
    assert "/console/conversations/1" not in assistants.html
    assert "You have no conversations" in (await ben.get("/console/inbox?view=mine")).words
    await console.house.do(conversations.take, conversation=1, by="Ben")
    await console.house.do(conversations.resolve, conversation=1, by="Ben")
    assert "Closed · Ben" in (await ben.get("/console/inbox?view=closed")).words


async def test_filters_stay_in_the_address_and_can_be_kept_as_a_view(console: Console) -> None:
    ben, sue = await console.staff("Ben", "agent"), await console.staff("Sue", "supervisor")
    await ask(console, "ann", "bob")
    await console.house.do(conversations.take, conversation=2, by="Ben")
    narrowed = await ben.get("/console/inbox?view=all&channel=letters&agent=Ben&tier=")
    assert "/console/conversations/2" in narrowed.html
    assert "/console/conversations/1" not in narrowed.html
    assert "Nothing fits these filters." in (await ben.get("/console/inbox?channel=telegram")).words
    fields = {"view": "all", "agent": "Ben", "name": "Ben's & <mine>", "shared": "1"}
    refused = await ben.post("/console/inbox/views", fields)
    assert refused.status == 422
    kept = await sue.post("/console/inbox/views", fields)
    assert (kept.status, kept.where) == (303, "/console/inbox?view=all&agent=Ben")
    page = await ben.get("/console/inbox")
    assert "Ben's & <mine> 1" in page.words, "shared, with its counter"
    (saved,) = console.house.rows(SavedView)
    assert (await ben.post(f"/console/inbox/views/{saved['id']}/delete")).status == 404
    assert (await sue.post(f"/console/inbox/views/{saved['id']}/delete")).status == 303
    assert console.house.rows(SavedView) == []


async def test_a_long_list_comes_in_pages(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    await ask(console, *(f"customer-{number}" for number in range(52)))
    first = await ben.get("/console/inbox?view=all")
    assert first.html.count('<li class="priority-') == 50
    following = first.html.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
    second = await ben.get(following)
    assert second.html.count('<li class="priority-') == 2
    assert "Back to the first ones" in second.words
    assert (await ben.get("/console/inbox?view=all&after=nonsense")).status == 404


@pytest.mark.parametrize("role", ["agent", "supervisor"])
async def test_who_has_no_name_goes_by_an_address_as_far_as_the_role_may_see_it(console: Console, role: str) -> None:
    somebody = await console.staff("Ben", role)
    await ask(console, "ann@shop.example")
    await console.house.do_now(
        lambda transaction: transaction.connection.execute(update(Contact).values(name=None)).rowcount
    )
    words = (await somebody.get("/console/inbox")).words
    assert ("letters:ann@shop.example" in words) == (role == "supervisor")
    assert ("letters:an…@shop.example" in words) == (role == "agent")


async def test_whatever_a_customer_writes_or_is_called_stays_text(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    await asks_for_a_person(console, NASTY)
    await console.house.do_now(
        lambda transaction: transaction.connection.execute(update(Contact).values(name=NASTY)).rowcount
    )
    html = (await ben.get("/console/inbox?agent=%3Cscript%3E&channel=%22%3E%3Cimg+src%3Dx%3E")).html
    html += (await ben.get("/console/inbox?view=all")).html
    assert "<script>alert" not in html
    assert "<img src=x" not in html
    assert '"><img' not in html
