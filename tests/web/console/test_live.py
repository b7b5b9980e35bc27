"""Live: a page hears of what it looks at, of nothing else, and of everything that it has missed."""

from __future__ import annotations

import re

import pytest

from channels.envelope import DeliveryStatus, DeliveryUpdate
from desk import conversations, logins
from desk.logins import Present
from storage.touched import for_staff, touch
from tests.clock import FrozenClock
from tests.waiting import until
from tests.web.console.listening import looking
from tests.web.console.people import Console, Person
from web.console.live import Live, Page


async def mark_of(person: Person, path: str = "/console/conversations/1") -> str:
    """What a page carries for its events."""
    found = re.search(r"events\?mark=(\w+-\d+)", (await person.get(path)).html)
    assert found is not None
    return found[1]


async def test_a_page_hears_of_its_conversation_and_not_of_others(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    await console.house.write("hello")
    mark = await mark_of(ben)
    async with looking(ben, f"mark={mark}&conversation=1") as page:
        await page.hears("viewers")  # itself
        await console.house.write("hello", sender="bea")
        assert not await page.hears("conversation", seconds=0.5)
        await console.house.write("is anybody there?")
        assert await page.hears("conversation")


async def test_what_comes_within_a_moment_is_told_once(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.console.live.TOGETHER", 0.4)  # a slow disk's commits, too, are within it
    ben = await console.staff("Ben", "agent")
    await console.house.write("hello")
    mark = await mark_of(ben)
    async with looking(ben, f"mark={mark}&conversation=1") as page:
        await page.hears("viewers")  # itself
        assert not await page.hears("conversation", seconds=0.5)  # quiet for longer than news waits for one another
        for _ in range(3):
            await console.house.do(lambda transaction: touch(transaction.connection, [1]))
        assert await page.hears("conversation")
        assert not await page.hears("conversation", seconds=0.7), "told twice"


@pytest.mark.parametrize("verb", ["take", "note", "handback", "resolve"])
async def test_whatever_is_done_with_a_conversation_is_told(console: Console, verb: str) -> None:
    ben = await console.staff("Ben", "agent")
    await console.house.write("hello")
    if verb != "take":
        await console.house.do(conversations.take, conversation=1, by="Ben")
    mark = await mark_of(ben)
    async with looking(ben, f"mark={mark}&conversation=1") as page:
        arguments = {"text": "calls back at 5"} if verb == "note" else {}
        await console.house.do(getattr(conversations, verb), conversation=1, by="Ben", **arguments)
        assert await page.hears("conversation")


async def test_what_becomes_of_a_word_on_its_way_is_told(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    await console.house.write("hello")
    await console.house.do(conversations.take, conversation=1, by="Ben")
    await console.house.later(1)
    await console.house.do_now(conversations.reply, conversation=1, by="Ben", text="Good day.")
    mark = await mark_of(ben)
    async with looking(ben, f"mark={mark}&conversation=1") as page:
        await console.house.later(1)
        assert await page.hears("conversation"), "it left"
        for status in (DeliveryStatus.DELIVERED, DeliveryStatus.READ):
            news = DeliveryUpdate(
                channel="letters",
                external_id=f"letters-sent-{len(console.house.sent)}",
                status=status,
                at=console.house.clock.now(),
                raw=b"" if status is DeliveryStatus.READ else b"{}",
            )
            await console.house.letters.port.accept([news])
            assert await page.hears("conversation"), status


async def test_a_page_that_comes_back_hears_what_it_has_missed_and_nothing_else(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    await console.house.write("hello")
    first = await mark_of(ben)
    await console.house.write("hello?")
    async with looking(ben, f"mark={first}&conversation=1") as page:
        assert await page.hears("conversation"), "between the page and its connection"
        mark = page.marks[-1]
    await console.house.write("hello", sender="bea")
    async with looking(ben, f"mark={first}&conversation=1", **{"Last-Event-ID": mark}) as page:
        assert not await page.hears("conversation", seconds=0.5), "nothing was missed"
        last = page.marks[-1]
    await console.house.write("hello??")
    async with looking(ben, f"mark={first}&conversation=1", **{"Last-Event-ID": last}) as page:
        assert await page.hears("conversation")
    async with looking(ben, f"mark={first}&conversation=1", **{"Last-Event-ID": "another-process-7"}) as page:
        assert await page.hears("conversation"), "the server was restarted meanwhile"


async def test_an_alert_reaches_whom_it_is_for(console: Console) -> None:
    ben, eve = await console.staff("Ben", "agent"), await console.staff("Eve", "agent")
    mark = await mark_of(ben, "/console/account")
    async with looking(ben, f"mark={mark}") as bens, looking(eve, f"mark={mark}") as eves:
        await console.house.do_now(lambda transaction: touch(transaction.connection, [for_staff(2)]))
        assert await bens.hears("alert")
        assert not await eves.hears("alert", seconds=0.5)


async def test_whoever_is_logged_out_hears_no_more(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    await console.house.write("hello")
    async with looking(ben, "conversation=1") as page:
        await console.house.do_now(_log_out_everywhere)
        assert await page.hears("over")
        await console.house.write("my secret is …")
        with pytest.raises(EOFError):
            await page.next()


def _log_out_everywhere(transaction: object) -> None:
    from storage.commits import Transaction
    from storage.staff import close_sessions

    assert isinstance(transaction, Transaction)
    close_sessions(transaction.connection, 2)


async def test_who_has_no_right_to_converse_hears_of_no_conversation(console: Console) -> None:
    max_ = await console.staff("Max", "marketer")
    await console.house.write("hello")
    async with looking(max_, "conversation=1&inbox=") as page:
        await console.house.write("hello?")
        assert not await page.hears("conversation", seconds=0.5)


async def test_colleagues_see_each_other_and_who_writes(console: Console) -> None:
    ben, eve = await console.staff("Ben", "agent"), await console.staff("Eve", "agent", language="zh-Hans")
    await console.house.write("hello")
    await ben.post("/console/conversations/1/take")
    async with looking(ben, "conversation=1") as page:
        async with looking(eve, "conversation=1"):
            assert await page.hears("viewers")
            assert "Eve is here too" in (await ben.get("/console/conversations/1/company")).words
            assert (await ben.post("/console/conversations/1/writing")).status == 204
            assert "Ben 正在输入…" in (await eve.get("/console/conversations/1/company")).words
        assert await page.hears("viewers")
        assert (await ben.get("/console/conversations/1/company")).words == ""


async def test_a_customer_who_writes_is_seen_until_the_message_is_there(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    await console.house.write("hello")
    async with looking(ben, "conversation=1") as page:
        console.house.letters.port.typing("letters:ann")
        assert await page.hears("typing")
        assert "The customer is typing…" in (await ben.get("/console/conversations/1/company")).words
        await console.house.write("here it is")
        assert await page.hears("typing")
        assert (await ben.get("/console/conversations/1/company")).words == ""


async def test_logging_out_in_one_browser_leaves_the_other_listening(console: Console) -> None:
    await console.staff("Ben", "agent")
    first, second = console.somebody(), console.somebody()
    for person in (first, second):
        await person.log_in("ben@shop.test")
    await console.house.write("hello")
    async with looking(first, "conversation=1") as page:
        present = await console.house.do_now(
            lambda transaction: logins.who(transaction, token=_token(second)),
        )
        assert present is not None
        await console.house.do_now(logins.leave, present=present, client="::1")
        await console.house.write("still there?")
        assert await page.hears("conversation")


def _token(person: Person) -> str:
    (cookie,) = (morsel for morsel in person.client.session.cookie_jar if morsel.key == "rapport_session")
    return cookie.value


class Counted:
    """Lists that show something else at each look."""

    def __init__(self) -> None:
        self.looks = 0

    def touched(self, what: object) -> None: ...

    async def renew(self) -> bool:
        self.looks += 1
        return False

    def shown(self, present: object, query: object) -> object:
        return self.looks


async def test_what_is_told_while_the_lists_rest_is_looked_at_all_the_same(clock: FrozenClock) -> None:
    live, counted = Live(), Counted()
    live.lists = counted
    who = Present(staff=1, name="Ben", email="", roles=("agent",), language="en", session=b"", seen_at=clock.now())
    page = Page(present=who, conversation=None, inbox={}, listens={})
    live._inboxes.add(page)  # pyright: ignore[reportPrivateUsage]
    live.tell([1])
    await until(lambda: counted.looks == 1)
    live.tell([2])
    await until(lambda: counted.looks == 2)
    assert page.due == {"inbox"}
    live.close()
