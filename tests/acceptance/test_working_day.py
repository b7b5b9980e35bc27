"""A working day in the console: two agents and a supervisor, with customers on the web chat, on Telegram and by mail.

Everything is real: the house, Chromium for the staff and for the customer on the web, Dovecot, the Telegram loopback.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Locator, Page, expect

from nlu.understanding import Language
from storage.cases import Case
from storage.conversations import Conversation, Owner
from storage.interactions import Direction, Interaction
from storage.staff import Role
from tests.acceptance.colleagues import hire, log_in
from tests.acceptance.tea_house import TeaHouse, label, open_tea_house
from tests.acceptance.test_conversation_in_browser import enter, hears, press, said, write
from tests.acceptance.test_mail import Correspondent, mailbox, plain
from tests.browser import browser
from tests.channels.dovecot import Dovecot
from tests.channels.smtp_server import SmtpServer
from tests.channels.telegram_server import TelegramServer
from tests.waiting import until
from web.console import texts

__all__ = ["browser"]

expect.set_options(timeout=30_000)

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

WANG = 4242
TOKEN = "4242424242:loopback-token-of-a-bot"


@dataclass
class Street:
    """The house, what surrounds it, and everybody's browsers."""

    house: TeaHouse
    browser: Browser
    telegram: TelegramServer
    lin: Correspondent
    language: str
    contexts: list[BrowserContext] = field(default_factory=list[BrowserContext])

    def says(self, key: str, **values: object) -> str:
        return texts.words(self.language)[key].format_map(values)

    async def window(self, locale: str = "en-GB") -> Page:
        context = await self.browser.new_context(locale=locale, reduced_motion="reduce")
        context.set_default_timeout(30_000)
        self.contexts.append(context)
        return await context.new_page()

    async def at_work(self, name: str) -> Page:
        """Their browser, logged in, before the inbox."""
        page = await self.window()
        await log_in(page, self.house, name)
        await expect(page.locator("h1")).to_have_text(self.says("inbox.title"))
        return page

    def conversation(self, channel: str) -> int:
        return max(row["id"] for row in self.house.rows(Conversation) if row["channel"] == channel)

    async def open(self, page: Page, conversation: int) -> None:
        await page.goto(f"{self.house.url}/console/conversations/{conversation}")
        await expect(page.locator("#thread")).to_be_visible()


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    server = Dovecot.create()
    yield server
    server.remove()


@pytest_asyncio.fixture(loop_scope="module", params=["en", "zh-Hans"])
async def street(
    request: pytest.FixtureRequest, tmp_path: Path, trained_models: Path, browser: Browser, dovecot: Dovecot
) -> AsyncGenerator[Street]:
    language = str(request.param)
    user, smtp = f"day{language.lower()}", SmtpServer()
    async with smtp.running(), TelegramServer(token=TOKEN) as telegram:
        sections: dict[str, Any] = {
            "mail": [mailbox(dovecot, smtp.port, user)],
            "telegram": {"token": TOKEN, "api_base": telegram.url},
        }
        async with open_tea_house(tmp_path, trained_models, **sections) as house:
            lin = Correspondent(dovecot, user, lambda: [mail.content for mail in smtp.taken])
            street = Street(house=house, browser=browser, telegram=telegram, lin=lin, language=language)
            for name, role in (("Mei", Role.AGENT), ("Ben", Role.AGENT), ("Sue", Role.SUPERVISOR)):
                await hire(house, name, role, language=language)
            yield street
            for context in street.contexts:
                await context.close()


def row(page: Page, conversation: int) -> Locator:
    return page.locator(f"#c{conversation}")


async def reply(page: Page, text: str) -> None:
    await page.locator("#text").fill(text)
    await page.locator("#text").press("Control+Enter")


async def test_three_customers_are_taken_over_answered_passed_on_and_handed_back(street: Street) -> None:
    house = street.house
    mei, ben, sue = [await street.at_work(name) for name in ("Mei", "Ben", "Sue")]

    # Three customers ask for a person, and are in everybody's list without a reload.
    ann = await street.window()
    await enter(ann, house, Language.EN)
    await write(ann, "I would like to speak to a person")
    await hears(ann, "handoff.requested", Language.EN)
    await street.telegram.say(WANG, "我要找人工客服")
    await street.lin.write("I want to talk to a human being, please.", subject="A person, please")
    await until(lambda: len([one for one in house.rows(Conversation) if one["owner"] is Owner.QUEUE]) == 3, within=40)
    web, telegram, mail = (street.conversation(name) for name in ("webchat", "telegram", "support"))
    for page in (mei, ben, sue):
        for number in (web, telegram, mail):
            await expect(row(page, number)).to_be_visible()

    # Both agents look at the same one; whoever is second is told.
    await street.open(mei, web)
    await street.open(ben, web)
    await mei.keyboard.press("t")
    await expect(ben.locator("#reply")).to_contain_text(street.says("conversation.owned_by", name="Mei"))
    await expect(ben.locator("#viewers")).to_contain_text("Mei")

    # What came in since the draft began is shown before anything leaves.
    await mei.locator("#text").fill("How can I help?")
    await write(ann, "It is about my teapot")
    await expect(mei.locator("#thread")).to_contain_text("It is about my teapot")
    await mei.locator("#text").press("Control+Enter")
    await expect(mei.locator("#reply [role=alert]")).to_contain_text("It is about my teapot")
    await mei.locator("#text").press("Control+Enter")
    await expect(said(ann).last).to_have_text("How can I help?")
    assert len([one for one in house.rows(Interaction) if one["author"] == "agent:Mei"]) == 1

    # The assistant was silent all the time, and speaks again when it is asked to.
    await mei.locator("#text").fill("Only a question about delivery.")
    await mei.get_by_role("button", name=street.says("conversation.handback"), exact=True).click()
    await expect(mei.locator("#owner")).to_contain_text(street.says("conversation.owner_bot"))
    await write(ann, "How long does delivery take?")
    await hears(ann, "knowledge.answer", Language.EN)

    # Telegram: taken, answered, and passed on with a note.
    await street.open(ben, telegram)
    await ben.keyboard.press("t")
    await expect(ben.locator("#reply input[value=reply]")).to_be_checked()
    await reply(ben, "您好，我是 Ben。")
    await street.telegram.until(
        lambda: any("我是 Ben" in one["text"] for one in street.telegram.inbox(WANG)), within=30
    )
    await ben.locator(".transfer summary").click()
    to_mei = await ben.locator("form.passes-on option", has_text="Mei").get_attribute("value")
    await ben.locator("form.passes-on [name=where]").select_option(to_mei)
    await ben.locator("form.passes-on [name=text]").fill("she knows the teapots")
    await ben.locator("form.passes-on button").click()
    await expect(ben.locator("#owner")).to_contain_text("Mei")
    await mei.goto(f"{house.url}/console/inbox?view=mine")
    await expect(row(mei, telegram)).to_be_visible()

    # Mail: a letter, in its thread; the supervisor takes it from the agent.
    await street.open(ben, mail)
    await ben.keyboard.press("t")
    await expect(ben.locator("#reply input[value=reply]")).to_be_checked()
    await street.open(sue, mail)
    await sue.keyboard.press("t")
    await expect(ben.locator("#reply")).to_contain_text(street.says("conversation.owned_by", name="Sue"))
    await reply(sue, "I have read your mail.")
    letters = [await street.lin.hear(), await street.lin.hear()]
    assert any("I have read your mail." in plain(letter) and "Sue" in plain(letter) for letter in letters)
    assert letters[-1]["In-Reply-To"] == "<" + letters[-1]["References"].split("<")[-1]

    # Telegram waits for hours: everybody reads so beside the new word.
    await sue.goto(f"{house.url}/console/inbox?view=all")
    await street.telegram.say(WANG, "还在吗？")
    await expect(row(sue, telegram)).to_contain_text("还在吗")
    house.clock.jump(timedelta(hours=3))
    await sue.reload()
    three = street.says("inbox.hours", number=3)
    await expect(row(sue, telegram)).to_contain_text(street.says("inbox.why_waits", time=three))

    # The server is replaced under everybody's pages; they go on by themselves, and nothing is missing.
    await mei.goto(f"{house.url}/console/inbox?view=all")
    await house.restart()
    bob = await street.window()
    await enter(bob, house, Language.EN)
    await write(bob, "I would like to speak to a person")
    await hears(bob, "handoff.requested", Language.EN)
    await expect(row(mei, street.conversation("webchat"))).to_be_visible()
    await street.telegram.say(WANG, "回来了吗？")
    await expect(row(mei, telegram)).to_contain_text("回来了吗")


async def test_a_complaint_from_the_first_word_to_the_answer_how_it_was(street: Street) -> None:
    house = street.house
    mei, sue = await street.at_work("Mei"), await street.at_work("Sue")
    ann = await street.window()
    await enter(ann, house, Language.EN, customer="K1")
    await write(ann, "The teapot of order SL20260012 arrived broken. I am furious, give me my money back!")
    await until(lambda: house.rows(Case), within=30)
    await write(ann, "I would like to speak to a person")
    await until(lambda: any(one["owner"] is Owner.QUEUE for one in house.rows(Conversation)), within=30)
    number, web = house.rows(Case)[-1]["number"], street.conversation("webchat")

    # The agent sees the path and what the assistant collected, and asks for more than she may grant.
    await street.open(mei, web)
    await mei.keyboard.press("t")
    await expect(mei.locator("#side-cases")).to_contain_text(number)
    await mei.goto(f"{house.url}/console/cases/{number}")
    await expect(mei.locator("ol.path").first).to_contain_text(street.says("case.step_record"))
    await expect(mei.locator("main")).to_contain_text("SL20260012")
    await mei.get_by_text(street.says("case.offer_something")).click()
    form = mei.locator("form[action$='/propose']")
    await form.locator("[name=kind]").select_option("refund")
    await form.locator("[name=amount]").fill("900000")
    await form.locator("[name=words]").fill("The whole set arrived in pieces.")
    await form.locator("button[formaction$='/ask']").click()
    await expect(mei.locator("section.asked")).to_contain_text("The whole set arrived in pieces.")

    # The supervisor grants less.
    await sue.goto(f"{house.url}/console/cases?view=approval")
    await sue.get_by_role("link", name=number).first.click()
    await sue.locator("form[action$='/grant'] [name=amount]").fill("129")
    await sue.locator("form[action$='/grant'] [name=reason]").fill("What it cost.")
    await sue.locator("form[action$='/grant'] button").first.click()
    await expect(sue.locator("section.asked")).to_have_count(0)
    await expect(sue.locator("main")).to_contain_text("129")

    # The agent tells the customer, and resolves; a day later the customer is asked how it was, and it was bad.
    await street.open(mei, web)
    await reply(mei, "We give you the 129 yuan back by Friday.")
    await expect(said(ann).last).to_contain_text("129")
    await mei.goto(f"{house.url}/console/cases/{number}")
    resolving = mei.locator("form[action$='/resolve']")
    await mei.locator("details", has=resolving).locator("summary").first.click()
    await resolving.locator("[name=words], [name=text]").first.fill("Refunded.")
    await resolving.locator("button").first.click()
    await expect(mei.locator("#case-now")).to_contain_text(street.says("case.status_resolved"))
    await street.open(mei, web)
    await mei.get_by_role("button", name=street.says("conversation.resolve"), exact=True).click()
    await expect(mei.locator("#reply")).to_contain_text(street.says("conversation.over_resolved"))
    house.clock.jump(timedelta(days=2))
    await hears(ann, "survey.ask", Language.EN)
    await press(ann, label("survey.score_1", Language.EN))
    await until(lambda: house.rows(Case)[-1]["score"] == 1, within=30)
    sue = await street.at_work("Sue")  # nobody stays logged in for two days
    await sue.goto(f"{house.url}/console/cases/{number}")
    await expect(sue.locator("#case-now")).to_contain_text(street.says("case.score", score=1))
    heard = [one for one in house.rows(Interaction) if one["direction"] is Direction.OUT and "129" in one["text"]]
    assert len(heard) == 1
