"""A real browser. One for all tests of a module: starting it costs more than most of them."""

from __future__ import annotations

import shutil
from collections.abc import AsyncGenerator

import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.given import missing

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncGenerator[Browser]:
    if CHROMIUM is None:
        missing("Chromium is not installed")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield browser
        await browser.close()
