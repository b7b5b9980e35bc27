"""A customer's conversations in a real browser with the real house, in all three languages."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from bot.turn import CaseStatus, Step
from desk import conversations, inbox
from nlu.understanding import Language
from storage.cases import Case
from storage.consents import Consent
from storage.contacts import Address, Contact
from storage.conversations import Conversation, Owner
from storage.deliveries import Delivery
from storage.follow_ups import FollowUp, FollowUpState
from storage.interactions import Direction, Interaction, InteractionKind
from tests.acceptance.tea_house import IDENTITY_KEY, TeaHouse, label, open_tea_house, playbook, wording
from tests.browser import browser
from tests.channels.test_webchat_identity import signed

__all__ = ["browser"]

expect.set_options(timeout=20_000)

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]


@dataclass(frozen=True, kw_only=True)
class Speech:
    """What a customer of this language says."""

    language: Language
    greeting: str
    question: str
    broken: str
    and_more: str
    when: str
    used: str
    stop: str
    start: str
    person: str
    afterwards: str


SPEECHES = (
    Speech(
        language=Language.EN,
        greeting="Hello",
        question="How long does delivery take?",
        broken="My teapot arrived broken",
        and_more="the lid is in three pieces",
        when="yesterday",
        used="It is still in its box",
        stop="Please stop sending me offers",
        start="SUBSCRIBE",
        person="I would like to speak to a person",
        afterwards="It was a birthday present",
    ),
    Speech(
        language=Language.ZH_HANS,
        greeting="你好",
        question="快递要几天能到？",
        broken="收到的茶壶碎了",
        and_more="盖子裂成了三块",
        when="昨天",
        used="还没有用过",
        stop="不要再给我发优惠信息了",
        start="订阅",
        person="我要找人工客服",
        afterwards="这是送人的生日礼物",
    ),
    Speech(
        language=Language.ZH_HANT,
        greeting="您好",
        question="宅配要幾天會到？",
        broken="收到的茶壺破了",
        and_more="蓋子裂成了三塊",
        when="昨天",
        used="還沒有用過",
        stop="請不要再傳優惠訊息給我",
        start="訂閱",
        person="我要找真人客服",
        afterwards="這是送人的生日禮物",
    ),
)
every_language = pytest.mark.parametrize("speech", SPEECHES, ids=[speech.language.value for speech in SPEECHES])


@pytest_asyncio.fixture(loop_scope="module")
async def house(tmp_path: Path, trained_models: Path) -> AsyncGenerator[TeaHouse]:
    async with open_tea_house(tmp_path, trained_models) as house:
        yield house


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser, house: TeaHouse) -> AsyncGenerator[Page]:
    context = await browser.new_context(locale="en-GB", reduced_motion="reduce")
    context.set_default_timeout(15_000)
    yield await context.new_page()
    await context.close()


async def enter(page: Page, house: TeaHouse, language: Language, *, customer: str | None = None) -> None:
    """Open the shop's page and the chat on it; as a customer who is logged in there, where one is named."""
    if customer is not None:
        claims = {"sub": customer, "iat": int(house.clock().timestamp()), "name": "Lin Yue"}
        identity = signed(claims, key=IDENTITY_KEY.encode())
        # As the shop's own server would write it into the page: it is there before the widget is.
        await page.add_init_script(f"""new MutationObserver((_, watching) => {{
            const chat = document.querySelector("rapport-chat");
            if (chat) {{ chat.setAttribute("identity", "{identity}"); watching.disconnect(); }}
        }}).observe(document, {{ childList: true, subtree: true }});""")
    await page.goto(f"{house.url}/?language={language.value}")
    await open_chat(page)


async def open_chat(page: Page) -> None:
    await page.locator(".launcher").click()
    await expect(page.locator("rapport-chat textarea")).to_be_focused()


async def write(page: Page, text: str) -> None:
    await page.locator("rapport-chat textarea").fill(text)
    await page.locator("rapport-chat textarea").press("Enter")


async def press(page: Page, name: str) -> None:
    await page.locator("rapport-chat button.choice:enabled", has_text=name).last.click()


def said(page: Page) -> Locator:
    """What the house said."""
    return page.locator("rapport-chat .theirs .bubble")


def bubbles(page: Page) -> Locator:
    return page.locator("rapport-chat .bubble")


async def hears(page: Page, key: str, language: Language, *others: str) -> None:
    """The last thing said is one of these wordings."""
    patterns = (wording(one, language).pattern for one in (key, *others))
    await expect(said(page).last).to_have_text(re.compile("|".join(patterns), re.DOTALL))


@every_language
async def test_a_greeting_and_a_question_are_answered_with_the_source_and_not_what_i_meant_is_one_press_away(
    page: Page, house: TeaHouse, speech: Speech
) -> None:
    language = speech.language
    entry = playbook().entry("shipping#delivery-time", language)
    assert entry is not None
    await enter(page, house, language)
    await write(page, speech.greeting)
    await hears(page, "small.hello", language)
    await write(page, speech.question)
    await expect(said(page).last).to_contain_text(entry.answer[:40])
    await expect(said(page).last).to_contain_text(entry.source)
    await hears(page, "knowledge.answer", language)
    await press(page, label("button.not_meant", language))
    await hears(page, "knowledge.perhaps", language, "knowledge.no_more")
    await expect(page.locator(".mine .bubble").last).to_have_text(label("button.not_meant", language))
    lines = await bubbles(page).all_inner_texts()
    assert len(lines) == 6
    await page.reload()
    await open_chat(page)
    await expect(bubbles(page)).to_have_text(lines)
    assert {contact["language"] for contact in house.rows(Contact) if contact["external_id"] is None} == {language}


async def tell(page: Page, speech: Speech) -> None:
    """Answer what is asked, which depends on what was heard, up to the question what is wished."""
    answers = {"complaint.ask_happened": speech.when, "complaint.ask_used": speech.used}
    for _ in range(len(answers) + 1):
        asked = await said(page).last.inner_text()
        if wording("complaint.ask_wish", speech.language).search(asked):
            return
        (answer,) = (words for key, words in answers.items() if wording(key, speech.language).search(asked))
        count = await said(page).count()
        await write(page, answer)
        await expect(said(page)).to_have_count(count + 1)
    raise AssertionError("the wish was never asked for")


@every_language
async def test_a_complaint_goes_through_its_four_steps_over_a_reload_and_a_restart(
    page: Page, house: TeaHouse, speech: Speech
) -> None:
    language = speech.language
    await enter(page, house, language, customer="K1")
    await write(page, speech.broken)
    await write(page, speech.and_more)
    await hears(page, "complaint.ask_order", language)
    await expect(said(page)).to_have_count(1)  # two lines were listened to, and get one answer
    await write(page, "SL20260012")
    await hears(page, "complaint.ask_happened", language)
    before = await bubbles(page).all_inner_texts()
    await page.reload()
    await open_chat(page)
    await expect(bubbles(page)).to_have_text(before)
    await tell(page, speech)
    await press(page, label("wish.replacement", language))
    await hears(page, "offer.replacement", language)
    before = await bubbles(page).all_inner_texts()
    await house.restart()
    await page.evaluate("dispatchEvent(new Event('online'))")
    await press(page, label("button.accept", language))
    await hears(page, "complaint.accepted", language)
    lines = await bubbles(page).all_inner_texts()
    assert lines[:-2] == before
    assert [len(lines), lines[-2]] == [len(before) + 2, label("button.accept", language)]

    (case,) = house.rows(Case)
    (customer,) = house.rows(Contact)
    assert customer["external_id"] == "K1", "the signed identity did not lead to the customer we know"
    assert (case["contact_id"], case["step"], case["founded"]) == (customer["id"], Step.FOLLOW_UP, True)
    assert case["status"] in {CaseStatus.OPEN, CaseStatus.WAITING}
    assert (case["facts"]["order"], case["facts"]["proof"], case["facts"]["wish"]) == (
        "SL20260012",
        "given",
        "replacement",
    )
    assert case["proposal"]["state"] == "accepted"
    assert [promise["kept"] for promise in case["promises"]] == [False]
    assert case["number"] in lines[-1]
    planned = {row["kind"] for row in house.rows(FollowUp) if row["state"] is FollowUpState.PLANNED}
    assert planned == {"promise_reminder", "case_update"}
    assert [row["text"] for row in house.rows(Interaction) if row["kind"] is InteractionKind.MESSAGE][:2] == [
        speech.broken,
        speech.and_more,
    ]


@every_language
async def test_offers_stop_and_start_again_and_a_person_takes_over(page: Page, house: TeaHouse, speech: Speech) -> None:
    language = speech.language
    await enter(page, house, language)
    await write(page, speech.stop)
    await hears(page, "consent.stopped", language)
    await write(page, speech.start)
    await hears(page, "consent.started", language)
    (address,) = (row for row in house.rows(Address) if row["uri"].startswith("webchat:"))
    words = [row for row in house.rows(Consent) if row["address_id"] == address["id"]]
    assert [(row["purpose"], row["granted"], row["words"]) for row in words] == [
        ("marketing", False, speech.stop),
        ("marketing", True, speech.start),
    ]
    heard = [row["id"] for row in house.rows(Interaction) if row["direction"] is Direction.IN]
    assert [row["source"] for row in words] == [f"message:{identity}" for identity in heard]

    await write(page, speech.person)
    await hears(page, "handoff.requested", language)
    (conversation,) = house.rows(Conversation)
    assert (conversation["owner"], conversation["handoff_reason"]) == (Owner.QUEUE, "requested")
    await write(page, speech.afterwards)
    await expect(page.locator(".mine .bubble").last).to_have_text(speech.afterwards)
    await house.gateway.commits.run(lambda transaction: conversations.take(transaction, conversation=1, by="Mei"))
    shown = await house.gateway.commits.run(lambda transaction: inbox.show(transaction, conversation=1))
    await house.gateway.commits.run(
        lambda transaction: conversations.reply(transaction, conversation=1, by="Mei", text="Mei: ☺", seen=shown.seen)
    )
    await expect(said(page).last).to_have_text("Mei: ☺")
    await expect(page.locator(".theirs .author").last).to_have_text(re.compile("Mei"))
    await expect(said(page)).to_have_count(4)  # the assistant is silent now


async def test_what_is_written_while_the_server_is_away_is_answered_once_when_it_is_back(
    page: Page, house: TeaHouse
) -> None:
    await enter(page, house, Language.EN)
    await write(page, "Hello")
    await hears(page, "small.hello", Language.EN)
    await house.close()
    await write(page, "How long does delivery take?")
    await expect(page.locator(".mine.pending")).to_have_count(1)
    await house.open()
    await page.evaluate("dispatchEvent(new Event('online'))")
    await hears(page, "knowledge.answer", Language.EN)
    await write(page, "thanks")
    await hears(page, "small.thanks", Language.EN)
    await page.reload()
    await open_chat(page)
    await expect(page.locator(".mine .bubble")).to_have_text(["Hello", "How long does delivery take?", "thanks"])
    await expect(said(page)).to_have_count(3)
    inbound = [row["text"] for row in house.rows(Interaction) if row["direction"] is Direction.IN]
    assert inbound == ["Hello", "How long does delivery take?", "thanks"]
    assert {row["status"] for row in house.rows(Delivery)} <= {"sent", "delivered"}
