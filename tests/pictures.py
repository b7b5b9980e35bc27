"""The pictures of docs/console: the demonstration shop's console on an afternoon of some work.

`make pictures` takes them anew, into docs/pictures.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Final

from aiohttp import ClientSession
from playwright.async_api import Browser, Page, ViewportSize, async_playwright

from desk import conversations
from gateway.understanders import TRAINING_DATA
from nlu.embedded import ensure_trained
from storage.conversations import Conversation, Owner
from storage.staff import Role
from tests.acceptance.colleagues import hire, log_in
from tests.acceptance.tea_house import TeaHouse, Visitor, open_tea_house
from tests.browser import CHROMIUM
from tests.given import CHECKOUT
from tests.waiting import until

PICTURES: Final = CHECKOUT / "docs" / "pictures"
SIZE: Final = ViewportSize(width=1280, height=800)
CUSTOMERS: Final = (
    ("My teapot arrived broken, the lid is in three pieces. I am furious!", "I would like to speak to a person"),
    ("我想找人工客服",),
    ("How long does delivery take?", "Can I talk to a human being?"),
    ("收到的茶壶碎了，我要退款", "转人工"),
)


async def main() -> None:
    if CHROMIUM is None:
        sys.exit("Chromium is not installed.")
    with tempfile.TemporaryDirectory() as folder:
        models = ensure_trained(TRAINING_DATA, Path(folder) / "trained").parent
        async with open_tea_house(Path(folder), models) as house, async_playwright() as playwright:
            await hire(house, "Mei", Role.AGENT)
            await hire(house, "Sue", Role.SUPERVISOR)
            await _work(house)
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            await _take(house, browser)
            await browser.close()


async def _work(house: TeaHouse) -> None:
    """Customers come, and one of them is being answered."""
    async with ClientSession() as http:
        for words in CUSTOMERS:
            visitor = await Visitor(house=house, http=http).visit()
            for said in words:
                await visitor.write(said)
    await until(lambda: sum(row["owner"] is Owner.QUEUE for row in house.rows(Conversation)) >= len(CUSTOMERS) - 1)
    await house.gateway.commits.run(lambda transaction: conversations.take(transaction, conversation=1, by="Mei"))


async def _take(house: TeaHouse, browser: Browser) -> None:
    mei, sue = await _at_work(house, browser, "Mei"), await _at_work(house, browser, "Sue")
    await _picture(mei, f"{house.url}/console/inbox", "console-inbox")
    await mei.goto(f"{house.url}/console/conversations/1")
    await mei.locator("#text").fill("I am very sorry about your teapot. We send you a **new one** today.")
    await mei.locator("#weighed").wait_for()
    await _picture(mei, None, "console-conversation")
    await _picture(mei, f"{house.url}/console/contacts/1", "console-contact")
    await mei.goto(f"{house.url}/console/cases?view=open")
    await mei.locator("main a[href*='/cases/C']").first.click()
    await _picture(mei, None, "console-case")
    await _picture(sue, f"{house.url}/console/board", "console-floor")
    await _picture(sue, f"{house.url}/console/reports", "console-reports")
    await _picture(sue, f"{house.url}/console/search?q=teapot", "console-search")


async def _at_work(house: TeaHouse, browser: Browser, name: str) -> Page:
    context = await browser.new_context(
        viewport=SIZE, bypass_csp=True, locale="en-GB", color_scheme="light", reduced_motion="reduce"
    )
    page = await context.new_page()
    await log_in(page, house, name)
    return page


async def _picture(page: Page, where: str | None, name: str) -> None:
    """Of a page once it has come to rest: its pieces are there, and nothing moves."""
    if where is not None:
        await page.goto(where)
    await page.wait_for_load_state("load")
    await page.wait_for_function("!document.querySelector('.htmx-request')")
    await page.screenshot(path=PICTURES / f"{name}.png", animations="disabled")


if __name__ == "__main__":
    asyncio.run(main())
