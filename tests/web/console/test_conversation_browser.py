"""The conversation page in a real browser: typing, keys, what comes in meanwhile, and a restart."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, expect

from desk import canned, writing
from desk.logins import Present
from tests.browser import browser
from tests.clock import FrozenClock
from tests.web.console.people import PASSWORD, Console
from tests.web.console.talkers import channel, open_talks, talk_with

__all__ = ["browser"]

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]
expect.set_options(timeout=20_000)


class WallClock(FrozenClock):
    """Browsers know no other."""

    def __call__(self) -> datetime:
        return datetime.now(UTC)

    def now(self) -> datetime:
        return datetime.now(UTC)

    def advance(self, by: timedelta | float) -> datetime:
        """It goes by itself."""
        return self.now()


@pytest_asyncio.fixture(loop_scope="module")
async def talks(migrated_sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Console]:
    async with open_talks(migrated_sqlite_url, tmp_path, WallClock(), monkeypatch) as opened:
        yield opened


class Desk:
    """Where people open a conversation, each in a browser of their own, whatever becomes of the test."""

    def __init__(self, browser: Browser, talks: Console) -> None:
        self._browser = browser
        self._origin = str(talks.server.make_url("")).rstrip("/")
        self._contexts: list[BrowserContext] = []
        self.troubles: list[str] = []

    async def open(self, email: str, talk: int) -> Page:
        context = await self._browser.new_context(viewport={"width": 1280, "height": 720})
        self._contexts.append(context)
        page = await context.new_page()
        page.on("console", lambda message: self.troubles.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        await page.goto(f"{self._origin}/console/login?next=/console/conversations/{talk}")
        await page.fill("input[name=email]", email)
        await page.fill("input[name=password]", PASSWORD)
        await page.click("main form button")
        await page.wait_for_selector("#thread")
        await page.wait_for_load_state("load")  # its scripts listen to keys now
        return page

    async def close(self) -> None:
        for context in self._contexts:
            await context.close()


@pytest_asyncio.fixture(loop_scope="module")
async def desk(browser: Browser, talks: Console) -> AsyncGenerator[Desk]:
    opened = Desk(browser, talks)
    yield opened
    await opened.close()


async def test_a_reply_by_keys_alone_is_taken_back_mended_and_sent(
    desk: Desk, talks: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "UNDO", timedelta(seconds=12))  # a machine under load is slower than a person
    await talks.staff("Ben", "agent")
    talk = await talk_with(talks, "webchat", "where is it?", name="Ann Berg", by="Ben")
    ben = Present(staff=2, name="Ben", email="", roles=("agent",), language="en", session=b"", seen_at=WallClock()())
    await talks.house.do(canned.keep, who=ben, shortcut="hello", texts={"en": "Good day {name}!"})
    page = await desk.open("ben@shop.test", talk)
    await page.keyboard.press("r")
    await page.keyboard.type("/hel")
    await expect(page.locator("#offers [aria-selected=true]")).to_contain_text("Good day Ann Berg!")
    await page.keyboard.press("Enter")
    await page.keyboard.type(" It is **lots**.")
    await expect(page.locator("#weighed")).to_contain_text("Draft kept")
    await page.keyboard.press("Control+Enter")
    undo = page.locator(".undo button")
    await expect(undo).to_contain_text("Undo (")
    await expect(page.locator("#text")).to_have_value("")
    await undo.click()
    await expect(page.locator("#text")).to_have_value("Good day Ann Berg! It is **lots**.")
    await page.fill("#text", "It is **lost**.")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#thread strong")).to_have_text(["lots", "lost"])
    await expect(undo).to_have_count(0)
    await expect(page.locator("#thread .out.message").last).to_contain_text("sent")
    assert [message.text for message in channel(talks, "webchat").sent][1:] == ["It is lost."]
    assert desk.troubles == []


async def test_what_comes_in_is_seen_without_losing_ones_words_or_ones_place(desk: Desk, talks: Console) -> None:
    await talks.staff("Ben", "agent")
    talk = await talk_with(talks, "webchat", "where is it?", by="Ben")
    house = talks.house
    for number in range(12):
        await channel(talks, "webchat").bring(f"line {number}\n\n\n.", sender="ann", clock=house.clock)
    await house.gateway.settle()
    page = await desk.open("ben@shop.test", talk)
    await page.locator("#text").type("We look")
    await expect(page.locator("#weighed")).to_contain_text("Draft kept")
    await expect(page.locator("#thread li").last).to_be_in_viewport(ratio=1)  # though the box has grown
    await page.evaluate("document.getElementById('thread_scroll').scrollTop = 0")
    await page.evaluate("document.querySelector('#thread li.in').dataset.kept = 'yes'")
    await channel(talks, "webchat").bring("it has come!", sender="ann", clock=house.clock)
    await house.gateway.settle()
    await expect(page.locator("#thread")).to_contain_text("it has come!")
    assert await page.evaluate("document.getElementById('thread_scroll').scrollTop") == 0, "who reads stays there"
    await expect(page.locator(".newest")).to_be_visible()
    await page.click(".newest")
    await expect(page.locator(".newest")).to_be_hidden()
    await expect(page.locator("#text")).to_have_value("We look")
    await page.locator("#text").press("Control+Enter")
    await expect(page.locator("#reply [role=alert]")).to_contain_text("it has come!")
    await expect(page.locator("#text")).to_have_value("We look")
    await page.reload()
    await expect(page.locator("#text")).to_have_value("We look")
    await expect(page.locator("#thread")).to_contain_text("it has come!")
    await page.locator("#text").press("Control+Enter")
    await expect(page.locator("#thread .out.message").last).to_contain_text("We look")


async def test_a_colleague_takes_over_and_the_box_becomes_one_for_notes(desk: Desk, talks: Console) -> None:
    await talks.staff("Ben", "agent")
    await talks.staff("Sue", "supervisor")
    talk = await talk_with(talks, "webchat", "where is it?", by="Ben")
    ben = await desk.open("ben@shop.test", talk)
    sue = await desk.open("sue@shop.test", talk)
    await ben.locator("#text").type("half a word")
    await sue.keyboard.press("t")
    await expect(ben.locator("#reply")).to_contain_text("Sue has this conversation")
    await expect(ben.locator("#owner")).to_contain_text("Sue")
    await expect(ben.locator("#text")).to_have_value("half a word")
    await expect(sue.locator("#text")).to_be_focused()  # whoever takes over writes
    await sue.keyboard.press("Escape")
    await sue.keyboard.press("n")
    await sue.keyboard.type("@be")
    await expect(sue.locator("#offers [aria-selected=true]")).to_have_text("@Ben")
    await sue.keyboard.press("Enter")
    await sue.keyboard.type("I do it")
    await sue.keyboard.press("Control+Enter")
    await expect(ben.locator("#thread .note")).to_contain_text("@Ben I do it")
    await expect(sue.locator("#text")).to_have_value("")


async def test_a_conversation_is_passed_on_by_keys_alone_and_keys_of_all_pages_lead_away_from_it(
    desk: Desk, talks: Console
) -> None:
    await talks.staff("Ben", "agent")
    await talks.staff("Eve", "agent")
    talk = await talk_with(talks, "webchat", "where is it?", by="Ben")
    eve = await desk.open("eve@shop.test", talk)
    ben = await desk.open("ben@shop.test", talk)
    await eve.keyboard.press("g")
    await eve.keyboard.press("r")
    await eve.wait_for_url("**/console/inbox?view=risk")
    await ben.keyboard.press("p")
    await expect(ben.locator(".passes-on select")).to_be_focused()
    await ben.keyboard.type("Eve")
    await ben.keyboard.press("Tab")
    await ben.keyboard.type("She speaks English")
    await ben.keyboard.press("Tab")
    await ben.keyboard.press("Enter")
    await expect(ben.locator("#owner")).to_contain_text("Eve")
    await expect(ben.locator("#thread")).to_contain_text("She speaks English")


async def test_what_could_not_be_sent_is_said_and_stays_in_the_box(desk: Desk, talks: Console) -> None:
    await talks.staff("Ben", "agent")
    talk = await talk_with(talks, "webchat", "where is it?", by="Ben")
    page = await desk.open("ben@shop.test", talk)
    await page.context.set_offline(True)
    await page.locator("#text").fill("It comes on Friday.")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#trouble")).to_contain_text("cannot be reached")
    await expect(page.locator("#text")).to_have_value("It comes on Friday.")
    await page.context.set_offline(False)
    await page.locator("#text").press("Control+Enter")
    await expect(page.locator("#thread .out.message").last).to_contain_text("It comes on Friday.")
    await expect(page.locator("#trouble")).to_be_hidden()
