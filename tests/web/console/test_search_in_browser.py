"""Searching by keyboard in a real browser: answered while one types, and walked through with the arrows."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.browser import browser
from tests.clock import FrozenClock
from tests.web.console.people import PASSWORD, Console, open_console
from tests.web.console.test_search import index

__all__ = ["browser"]

expect.set_options(timeout=20_000)

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]


@pytest_asyncio.fixture(loop_scope="module")
async def console(migrated_sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Console]:
    async with open_console(migrated_sqlite_url, tmp_path, FrozenClock(), monkeypatch) as opened:
        for number in range(22):
            await opened.house.write(f"the kettle {number} leaks", sender=f"customer{number}")
        await opened.house.write("我要退貨，水壺壞了 <b>!</b>", sender="wang")
        await index(opened)
        yield opened


async def enter(browser: Browser, console: Console) -> Page:
    await console.staff("Ben", "agent")
    context = await browser.new_context(reduced_motion="reduce")
    page = await context.new_page()
    await page.goto(str(console.server.make_url("/console/login")))
    await page.get_by_label("Mail address").fill("ben@shop.test")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Inbox")
    return page


async def test_from_anywhere_with_a_slash_and_through_the_results_with_arrows(
    browser: Browser, console: Console
) -> None:
    page = await enter(browser, console)
    await page.keyboard.press("/")
    await page.keyboard.type("退货")
    await page.keyboard.press("Enter")
    await expect(page.locator("mark")).to_have_text(["退貨"])
    await expect(page.locator(".found .text")).to_contain_text("<b>!</b>")
    await expect(page.locator("#q")).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await expect(page.locator(".found > li > a").first).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile("/console/conversations/23#line-"))
    await page.context.close()


async def test_what_is_typed_is_answered_at_once_and_more_is_fetched_in_place(
    browser: Browser, console: Console
) -> None:
    page = await enter(browser, console)
    await page.goto(str(console.server.make_url("/console/search")))
    await expect(page.locator(".help")).to_be_visible()
    await page.locator("#q").press_sequentially("kettle lea")
    await expect(page.locator(".found > li > a .text")).to_have_count(20)
    await expect(page).to_have_url(re.compile("q=kettle(%20|\\+)lea"))  # the address can be kept
    await page.get_by_role("link", name="Show more").click()
    await expect(page.locator(".found > li > a .text")).to_have_count(22)
    await expect(page.get_by_role("link", name="Show more")).to_have_count(0)
    await page.get_by_text("Filters").click()
    await page.get_by_label("State").select_option("closed")
    await expect(page.get_by_text("Nothing was found.")).to_be_visible()
    assert "state=closed" in page.url
    await page.context.close()
