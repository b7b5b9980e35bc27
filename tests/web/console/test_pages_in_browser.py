"""Every page of the console in a real browser: usable by everybody, on a phone and on a wide screen."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page

from tests.browser import browser
from tests.clock import FrozenClock
from tests.given import CHECKOUT, missing
from tests.web.console.people import PASSWORD, Console, open_console
from tests.web.console.test_conversations import asks_for_a_person

__all__ = ["browser"]

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

AXE = CHECKOUT / ".tools" / "vendor" / "axe.js"
PAGES = (
    "/console/inbox",
    "/console/inbox?view=closed",
    "/console/conversations/1",
    "/console/conversations/2",
    "/console/contacts/1",
    "/console/contacts/1/link?other=2",
    "/console/search?q=person",
    "/console/cases",
    "/console/cases/new",
    "/console/causes",
    "/console/board",
    "/console/teams",
    "/console/reports",
    "/console/reports/conversations",
    "/console/canned",
    "/console/learning",
    "/console/learning/lines/1",
    "/console/knowledge",
    "/console/knowledge/new",
    "/console/privacy",
    "/console/spam",
    "/console/alerts",
    "/console/account",
    "/console/account/alerts",
    "/console/staff",
    "/console/programs",
    "/console/programs/reference",
    "/console/audit",
)
WIDTHS = (360, 1280, 1920)


@pytest_asyncio.fixture(loop_scope="module")
async def console(migrated_sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Console]:
    async with open_console(migrated_sqlite_url, tmp_path, FrozenClock(), monkeypatch) as opened:
        yield opened


async def at_work(context: BrowserContext, email: str) -> Page:
    page = await context.new_page()
    await page.goto("/console/login")
    await page.fill("[name=email]", email)
    await page.fill("[name=password]", PASSWORD)
    await page.click("main button")
    await page.wait_for_url("**/console/inbox")
    return page


async def serious(page: Page) -> list[str]:
    """What axe finds that keeps somebody from using the page."""
    await page.evaluate(AXE.read_text("utf-8") + "; null")
    found: dict[str, Any] = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']}: {one['help']} {json.dumps([node['target'] for node in one['nodes']][:4])}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_page_is_usable_by_everybody_and_fits_every_screen(
    browser: Browser, console: Console, scheme: Any
) -> None:
    if not AXE.is_file():
        missing("axe-core is not fetched: python -m web.vendor --development")
    await asks_for_a_person(console, "My teapot is broken, I want a person")
    await console.staff("Ada")
    await console.house.write("我要找人工", sender="bob")
    sue = await console.staff("Sue", "supervisor", "agent", "admin", "marketer")
    assert (await sue.post("/console/conversations/1/take")).status == 303
    about = {"contact": "1", "subject": "A broken teapot", "kind": "complaint", "order": "SL20260012"}
    case = (await sue.post("/console/cases", about)).where
    context = await browser.new_context(
        base_url=str(console.server.make_url("")),
        locale="en-GB",
        bypass_csp=True,  # what looks at the page comes from outside of it
        color_scheme=scheme,
        reduced_motion="reduce",
    )
    page = await at_work(context, "sue@shop.test")
    wrong: list[str] = []
    for path in (*PAGES, case):
        for width in WIDTHS:
            await page.set_viewport_size({"width": width, "height": 900})
            answer = await page.goto(path)
            assert answer is not None
            if answer.status != 200:
                wrong.append(f"{path} answers {answer.status}")
                break
            await page.wait_for_load_state("load")
            if await page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
                wrong.append(f"{path} is wider than {width} px")
            if width != 1280:
                wrong += [f"{path} at {width} px: {each}" for each in await serious(page)]
    await page.close()
    await context.close()
    assert wrong == []
