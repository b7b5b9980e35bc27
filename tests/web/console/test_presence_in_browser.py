"""Presence in a real browser: said by hand, told by pages, and lost when nobody is behind them."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from desk import presence, routing
from storage.conversations import Conversation
from storage.presence import Presence
from tests.browser import browser
from tests.clock import FrozenClock
from tests.web.console.people import PASSWORD, Console, open_console
from tests.web.console.test_conversations import asks_for_a_person

__all__ = ["browser"]

expect.set_options(timeout=20_000)

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]


@pytest_asyncio.fixture(loop_scope="module")
async def console(migrated_sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Console]:
    async with open_console(migrated_sqlite_url, tmp_path, FrozenClock(), monkeypatch) as opened:
        yield opened


@asynccontextmanager
async def at_the_console(browser: Browser, console: Console, email: str, path: str) -> AsyncGenerator[Page]:
    context = await browser.new_context(base_url=str(console.server.make_url("")), locale="en-GB")
    page = await context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
    await page.goto(f"/console/login?next={path}")
    await page.fill("[name=email]", email)
    await page.fill("[name=password]", PASSWORD)
    await page.click("main button")
    yield page
    # A refusal is no trouble, but Chromium says so of every 4xx.
    assert [trouble for trouble in troubles if "409" not in trouble] == []
    await context.close()


def row(console: Console) -> dict[str, Any]:
    (found,) = console.house.rows(Presence)
    return found


async def test_somebody_says_that_they_are_available_by_keyboard_alone(browser: Browser, console: Console) -> None:
    await console.staff("Ben", "agent")
    async with at_the_console(browser, console, "ben@shop.test", "/console/inbox") as page:
        switch = page.locator("#presence summary")
        await expect(switch).to_contain_text("Away")
        await switch.focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("#presence")).to_contain_text("You are given nothing yet.")
        await page.keyboard.press("Escape")
        await expect(page.locator("#presence details")).not_to_have_attribute("open", "")
        await expect(switch).to_be_focused()
        await page.keyboard.press("Enter")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page.locator("#presence.available")).to_be_visible()
        assert row(console)["chosen"] == "available"


async def test_a_page_beats_and_one_that_lies_idle_falls_silent(browser: Browser, console: Console) -> None:
    await console.staff("Ben", "agent")
    async with at_the_console(browser, console, "ben@shop.test", "/console/inbox") as page:
        await page.locator("#presence summary").click()
        await page.locator("#presence button.available").click()
        await expect(page.locator("#presence.available")).to_be_visible()
        first = row(console)["heard_at"]
        console.house.clock.advance(60)
        await page.evaluate("htmx.trigger('#presence', 'touched')")
        async with page.expect_response(re.compile("/console/presence/beat")) as answer:
            await page.evaluate("htmx.trigger('#presence', 'touched')")
        assert (await answer.value).status == 204
        assert row(console)["heard_at"] > first

        beats: list[str] = []
        page.on("request", lambda request: beats.append(request.post_data or "") if "beat" in request.url else None)
        await page.evaluate("document.querySelector('#presence').dataset.idleAfter = '0'")
        await page.evaluate("htmx.trigger('#presence', 'touched')")
        await page.evaluate("htmx.trigger('#presence', 'touched')")
        await page.evaluate("htmx.trigger('#presence', 'touched')")
        await page.wait_for_timeout(500)
        assert len(beats) == 1, "it says so once"
        await page.mouse.move(50, 50)
        await page.wait_for_timeout(500)
        assert len(beats) == 2, "and is back with the first touch"


async def test_the_floor_is_live_and_leaves_a_form_that_is_being_filled_in_alone(
    browser: Browser,
    console: Console,
) -> None:
    ben = await console.staff("Ben", "agent")
    await console.staff("Sue", "supervisor")
    async with at_the_console(browser, console, "sue@shop.test", "/console/board") as page:
        await expect(page.locator(".rows")).to_have_count(0)
        await asks_for_a_person(console)
        await distribute(console)
        await expect(page.locator(".rows li")).to_contain_text("nobody is available")
        await page.locator(".rows details.transfer summary").click()
        await page.locator(".rows textarea").fill("She wants it in writing.")
        await ben.post("/console/presence", {"state": "available"}, {"HX-Request": "true"})
        await page.wait_for_timeout(600)
        await expect(page.locator(".rows textarea")).to_have_value("She wants it in writing.")
        # Somebody who was let go while the form was open.
        await page.locator(".rows option").last.evaluate("option => (option.value = 'person:99')")
        await page.locator(".rows select").select_option(value="person:99")
        await page.locator(".rows form button").click()
        await expect(page.locator(".rows [role=alert]")).to_be_visible()
        await expect(page.locator(".rows textarea")).to_have_value("She wants it in writing.")
        await page.locator(".rows select").select_option(value="person:3")
        await page.locator(".rows form button").click()
        await expect(page.locator("#floor")).to_contain_text("Nobody is waiting.")
        assert console.house.rows(Conversation)[0]["agent"] == "Sue", (
            "though the house may have given it to Ben meanwhile"
        )


async def distribute(console: Console) -> None:
    playbook = console.house.gateway.playbooks.playbook()
    console.house.clock.advance(1)
    await console.house.do(presence.look_around, playbook)
    await console.house.do(routing.distribute, playbook)
