"""The same words in a real browser: nothing asks, nothing runs, nothing is fetched from elsewhere."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Dialog, Page, Route

from storage.cases import Case
from storage.conversations import Conversation
from storage.interactions import Interaction
from storage.staff import Role
from tests.browser import browser
from tests.web.console.hostile import ELSEWHERE, marks, visits
from tests.web.console.people import PASSWORD, Console, open_console
from tests.web.console.talkers import CHAT, Channel, channels
from tests.web.console.test_conversation_browser import WallClock

__all__ = ["browser"]

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]


@pytest_asyncio.fixture(loop_scope="module")
async def console(migrated_sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Console]:
    every = *channels(), Channel("telegram", "telegram", CHAT)
    async with open_console(migrated_sqlite_url, tmp_path, WallClock(), monkeypatch, *every) as opened:
        yield opened


async def test_nothing_of_what_customers_write_runs_in_a_browser(browser: Browser, console: Console) -> None:
    await console.staff("Sue", *Role)
    await visits(console)
    origin = str(console.server.make_url("")).rstrip("/")
    context = await browser.new_context()
    page = await context.new_page()
    troubles: list[str] = []

    async def asked(dialog: Dialog) -> None:
        troubles.append(f"a dialog says {dialog.message}")
        await dialog.dismiss()

    async def leaves(route: Route) -> None:
        """What a policy forbids never comes to here."""
        troubles.append(f"fetched {route.request.url}")
        await route.abort()

    def watch(opened: Page) -> None:
        opened.on("dialog", asked)
        opened.on("pageerror", lambda error: troubles.append(str(error)))

    context.on("page", watch)
    await context.route(lambda url: not url.startswith((origin, "data:", "about:")), leaves)
    watch(page)
    page.on("console", lambda said: troubles.append(said.text) if "Content Security Policy" in said.text else None)
    await page.goto(f"{origin}/console/login")
    await page.fill("input[name=email]", "sue@shop.test")
    await page.fill("input[name=password]", PASSWORD)
    await page.click("main form button")
    await page.wait_for_url("**/console/inbox*")
    shown = ""
    for path in paths(console):
        await page.goto(f"{origin}{path}", wait_until="load")
        await page.wait_for_timeout(300)  # pieces come, and are put in by htmx
        shown += await page.content()
        assert await page.locator("[class^=zq], [onerror], [onload], [onfocus]").count() == 0
    assert troubles == []
    assert {marks[one] for one in ("telegram text", "first name", "chat text", "subject")} <= {
        mark for mark in marks.values() if mark in shown
    }
    line = next(row for row in console.house.rows(Interaction) if row["channel"] == "mail")
    letter = await context.new_page()
    await letter.goto(f"{origin}/console/conversations/{line['conversation_id']}/letters/{line['id']}")
    await letter.get_by_text("x", exact=True).first.dispatch_event("click")
    await letter.wait_for_timeout(300)
    assert troubles == [], f"a letter reaches for {ELSEWHERE}"
    await context.close()


def paths(console: Console) -> list[str]:
    rows = console.house.rows
    return [
        *(f"/console/conversations/{row['id']}" for row in rows(Conversation)),
        *(f"/console/contacts/{number}" for number in {row["contact_id"] for row in rows(Conversation)}),
        *(f"/console/cases/{row['number']}" for row in rows(Case)),
        "/console/inbox?view=all",
        "/console/inbox?view=assistant",
        "/console/learning",
        "/console/cases",
        f"/console/search?q={marks['chat text']}",
    ]
