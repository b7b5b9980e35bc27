"""The chat window in a real browser, as a customer uses it."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Locator, Page, ViewportSize, expect

from channels.envelope import Attachment, AttachmentKind, Button, DeliveryStatus, Event
from tests.browser import browser
from tests.channels.test_webchat_files import PNG
from tests.channels.test_webchat_identity import signed
from tests.web.demo_shop import IDENTITY_KEY, DemoShop, open_demo_shop

__all__ = ["browser"]

PHONE = ViewportSize(width=360, height=740)

expect.set_options(timeout=15_000)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def context(browser: Browser) -> AsyncGenerator[BrowserContext]:
    context = await browser.new_context(locale="en-GB", reduced_motion="reduce")
    context.set_default_timeout(10_000)
    yield context
    await context.close()


@pytest_asyncio.fixture(loop_scope="module")
async def shop(tmp_path: Path) -> AsyncGenerator[DemoShop]:
    async with open_demo_shop(tmp_path) as shop:
        yield shop


async def visit(context: BrowserContext, shop: DemoShop, path: str = "?language=en") -> Page:
    page = await context.new_page()
    await page.goto(shop.url + path)
    return page


async def open_chat(context: BrowserContext, shop: DemoShop, path: str = "?language=en") -> Page:
    page = await visit(context, shop, path)
    await page.locator(".launcher").click()
    await expect(field(page)).to_be_focused()
    return page


def field(page: Page) -> Locator:
    return page.locator("rapport-chat textarea")


def bubbles(page: Page) -> Locator:
    return page.locator("rapport-chat .bubble")


async def write(page: Page, text: str) -> None:
    await field(page).fill(text)
    await field(page).press("Enter")


async def test_a_customer_writes_and_is_answered(context: BrowserContext, shop: DemoShop) -> None:
    page = await open_chat(context, shop)
    await write(page, "Hello there")
    await expect(bubbles(page)).to_have_text(["Hello there", "You said: Hello there"])
    await expect(page.locator(".mine .state")).to_have_text("Delivered")
    await expect(field(page)).to_have_value("")
    async with asyncio.timeout(10):
        while not shop.port.updates:  # noqa: ASYNC110
            await asyncio.sleep(0)
    assert shop.port.updates[0].status is DeliveryStatus.DELIVERED


@pytest.mark.parametrize(
    ("language", "send", "placeholder", "delivered"),
    [
        ("en", "Send", "Write a message…", "Delivered"),
        ("zh-Hans", "发送", "请输入消息…", "已送达"),
        ("zh-Hant", "傳送", "請輸入訊息…", "已送達"),
    ],
)
async def test_the_window_speaks_the_language_of_the_page(
    context: BrowserContext, shop: DemoShop, language: str, send: str, placeholder: str, delivered: str
) -> None:
    page = await open_chat(context, shop, f"?language={language}")
    await expect(field(page)).to_have_attribute("placeholder", placeholder)
    await field(page).fill("茶")
    await page.get_by_role("button", name=send, exact=True).click()
    await expect(page.locator(".mine .state")).to_have_text(delivered)
    assert shop.port.inbound[0].language == language


async def test_changing_the_language_changes_what_is_already_shown(context: BrowserContext, shop: DemoShop) -> None:
    page = await open_chat(context, shop)
    await write(page, "Hello")
    await expect(bubbles(page)).to_have_count(2)
    await page.locator(".page:not([hidden]) .tongues [lang=zh-Hant]").click()
    await expect(page.locator(".theirs .author")).to_have_text("智慧助理")
    await expect(page.locator(".day")).to_have_text("今天")
    await expect(page.locator("rapport-chat h2")).to_have_text("山嵐茶")


async def test_without_an_attribute_the_browser_decides_the_language(browser: Browser, shop: DemoShop) -> None:
    context = await browser.new_context(locale="zh-TW")
    page = await visit(context, shop, "plain")
    await expect(page.locator(".launcher")).to_have_attribute("aria-label", "開啟聊天")
    await context.close()


async def test_the_keyboard_is_enough(context: BrowserContext, shop: DemoShop) -> None:
    page = await visit(context, shop, "plain")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await expect(page.locator(".launcher")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(field(page)).to_be_focused()
    await page.keyboard.type("first line")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("second line")
    await page.keyboard.press("Enter")
    await expect(bubbles(page)).to_have_count(2)
    assert shop.port.inbound[0].text == "first line\nsecond line"
    await page.keyboard.press("Escape")
    await expect(page.locator(".panel")).to_be_hidden()
    await expect(page.locator(".launcher")).to_be_focused()


async def test_choosing_a_candidate_in_an_input_method_does_not_send(context: BrowserContext, shop: DemoShop) -> None:
    page = await open_chat(context, shop, "?language=zh-Hans")
    await field(page).fill("ni hao")
    for composing in ("{isComposing: true}", "{keyCode: 229}"):
        await field(page).evaluate(
            f"node => node.dispatchEvent(new KeyboardEvent('keydown', {{key: 'Enter', ...{composing}, bubbles: true}}))"
        )
    await write(page, "你好")
    await expect(bubbles(page)).to_have_text(["你好", "You said: 你好"])


async def test_a_quick_reply_is_pressed_once_and_shows_what_was_chosen(context: BrowserContext, shop: DemoShop) -> None:
    page = await open_chat(context, shop)
    await write(page, "tea?")
    await expect(page.locator("a.choice")).to_have_attribute("href", "https://shop.example/teas")
    await page.get_by_role("button", name="Green tea").click()
    await expect(bubbles(page).last).to_have_text("You said: tea:green")
    await expect(page.locator("button.choice.chosen")).to_have_text("Green tea")
    assert await page.locator("button.choice:enabled").count() == 0
    assert shop.port.inbound[-1].event is Event.CALLBACK
    await page.reload()
    await page.locator(".launcher").click()
    await expect(page.locator(".mine .bubble").last).to_have_text("Green tea")


async def test_what_was_written_while_the_server_was_away_arrives_once_and_in_order(
    context: BrowserContext, shop: DemoShop
) -> None:
    page = await open_chat(context, shop)
    await write(page, "before")
    await expect(bubbles(page)).to_have_count(2)
    await shop.close()
    for text in ("silent one", "silent two", "silent three"):
        await write(page, text)
    await expect(page.locator(".mine.pending")).to_have_count(3)
    await expect(page.locator(".banner")).to_contain_text("Reconnecting")
    await shop.open()
    await page.evaluate("dispatchEvent(new Event('online'))")
    await expect(page.locator(".mine.pending")).to_have_count(0)
    assert [message.text for message in shop.port.inbound] == ["before", "silent one", "silent two", "silent three"]
    shop.port.say(await shop.until_connected(), "welcome back")
    await expect(bubbles(page).last).to_have_text("welcome back")
    await expect(page.locator(".banner")).to_be_hidden()


async def test_an_unsent_message_survives_a_reload(context: BrowserContext, shop: DemoShop) -> None:
    page = await open_chat(context, shop)
    shop.port.gate = asyncio.Event()
    await write(page, "silent and important")
    await expect(page.locator(".mine.pending")).to_have_count(1)
    await page.reload()
    await page.locator(".launcher").click()
    await expect(page.locator(".mine.pending .bubble")).to_have_text("silent and important")
    shop.port.gate.set()
    await expect(page.locator(".mine .state")).to_have_text("Delivered")
    assert [message.text for message in shop.port.inbound] == ["silent and important"]


async def test_a_commit_that_fails_is_tried_again_without_the_customer(context: BrowserContext, shop: DemoShop) -> None:
    page = await open_chat(context, shop)
    await shop.until_connected()
    shop.port.failures = 1
    await write(page, "silent")
    await write(page, "silent too")
    await expect(page.locator(".mine.pending")).to_have_count(0)
    assert [message.text for message in shop.port.inbound] == ["silent", "silent too"]


async def test_what_the_server_refuses_for_good_is_shown_and_can_be_discarded(
    context: BrowserContext, shop: DemoShop
) -> None:
    page = await open_chat(context, shop)
    await shop.until_connected()
    await field(page).fill("x" * 501)
    await expect(page.locator(".count")).to_have_text("Too long by 1")
    await expect(page.get_by_role("button", name="Send", exact=True)).to_be_disabled()
    await page.locator("rapport-chat").evaluate("chat => { chat.limits = {...chat.limits, text: 1000} }")
    await write(page, "x" * 501)
    await expect(page.locator(".foot.bad")).to_contain_text("too long")
    await page.get_by_role("button", name="Discard").click()
    await expect(bubbles(page)).to_have_count(0)
    await write(page, "short")
    await expect(bubbles(page)).to_have_text(["short", "You said: short"])


async def test_nothing_a_message_says_is_executed(context: BrowserContext, shop: DemoShop) -> None:
    page = await open_chat(context, shop)
    hostile = '<img src=x onerror="document.title=1"> javascript:alert(1) [x](javascript:alert(1))'
    await write(page, hostile)
    await expect(bubbles(page)).to_have_text([hostile, f"You said: {hostile}"])
    assert await page.locator("rapport-chat .bubble a, rapport-chat .bubble img").count() == 0
    await write(page, "看 https://shop.example/茶?a=1&b=2。谢谢 (https://shop.example/x).")
    links = page.locator("rapport-chat .mine").last.locator("a")
    await expect(links).to_have_count(2)
    await expect(links.nth(0)).to_have_text("https://shop.example/茶?a=1&b=2")
    await expect(links.nth(1)).to_have_text("https://shop.example/x")
    await expect(links.nth(0)).to_have_attribute("rel", re.compile("noopener"))


async def test_a_button_that_would_run_something_opens_nothing(context: BrowserContext, shop: DemoShop) -> None:
    page = await open_chat(context, shop)
    address = await shop.until_connected()
    shop.port.say(address, "Click", buttons=[Button(label="Free tea", value="free", url="javascript:alert(1)")])
    await expect(page.get_by_role("button", name="Free tea")).to_be_visible()
    assert await page.locator("rapport-chat .choices a").count() == 0


async def test_what_comes_twice_is_shown_once(context: BrowserContext, shop: DemoShop) -> None:
    page = await open_chat(context, shop)
    await write(page, "Hello")
    await expect(bubbles(page)).to_have_count(2)
    stream = shop.port.streams[shop.address()]
    await shop.close()
    stream[1] = replace(stream[1], status=DeliveryStatus.SENT)
    await shop.open()
    await page.evaluate("dispatchEvent(new Event('online'))")
    await shop.until_connected()
    shop.port.say(shop.address(), "Anything else?")
    await expect(bubbles(page)).to_have_text(["Hello", "You said: Hello", "Anything else?"])


async def test_a_message_is_never_overtaken_by_the_next_one(context: BrowserContext, shop: DemoShop) -> None:
    page = await open_chat(context, shop)
    await shop.until_connected()
    shop.port.gate = asyncio.Event()
    shop.port.failures = 1
    await write(page, "silent one")
    await write(page, "silent two")
    await expect(page.locator(".mine.pending")).to_have_count(2)
    shop.port.gate.set()
    await expect(page.locator(".mine.pending")).to_have_count(0)
    assert [message.text for message in shop.port.inbound] == ["silent one", "silent two"]


async def test_two_tabs_show_one_conversation(context: BrowserContext, shop: DemoShop) -> None:
    left = await open_chat(context, shop)
    await write(left, "silent from the left")
    await expect(left.locator(".mine .state")).to_have_text("Delivered")
    right = await open_chat(context, shop)
    await write(right, "from the right")
    for page in (left, right):
        await expect(bubbles(page)).to_have_text(["silent from the left", "from the right", "You said: from the right"])
    assert len({message.address for message in shop.port.inbound}) == 1


async def test_the_chat_works_where_sockets_do_not_get_through(context: BrowserContext, shop: DemoShop) -> None:
    shop.sockets = False
    page = await open_chat(context, shop)
    await write(page, "by post")
    await expect(bubbles(page)).to_have_text(["by post", "You said: by post"])
    await shop.until_connected()
    shop.port.say(shop.address(), "and back")
    await expect(bubbles(page).last).to_have_text("and back")
    await page.locator("rapport-chat").evaluate("chat => chat.remove()")


async def test_pictures_and_papers_are_sent_and_shown(context: BrowserContext, shop: DemoShop) -> None:
    page = await open_chat(context, shop)
    await page.locator("rapport-chat input[type=file]").set_input_files(
        [
            {"name": "破损.png", "mimeType": "image/png", "buffer": PNG},
            {"name": "order.txt", "mimeType": "text/plain", "buffer": b"Order 4711"},
        ]
    )
    await expect(page.locator(".upload progress:visible")).to_have_count(0)
    await page.get_by_role("button", name="Send", exact=True).click()
    picture = page.locator(".mine .picture img")
    await expect(picture).to_have_attribute("alt", "破损.png")
    await expect(picture).to_have_js_property("naturalWidth", 1)
    await expect(page.locator(".mine .file b")).to_have_text("order.txt")
    await expect(page.locator(".upload")).to_have_count(0)
    assert [attachment.name for attachment in shop.port.inbound[0].attachments] == ["破损.png", "order.txt"]


async def test_a_picture_elsewhere_is_shown_and_one_that_cannot_be_had_is_a_link(
    context: BrowserContext, shop: DemoShop
) -> None:
    page = await open_chat(context, shop)
    await page.route(
        "https://pictures.example/cat.png", lambda route: route.fulfill(body=PNG, content_type="image/png")
    )
    await page.route("https://pictures.example/gone.png", lambda route: route.abort())
    await write(page, "silent")
    await expect(page.locator(".mine.pending")).to_have_count(0)
    for name in ("cat", "gone"):
        picture = Attachment(kind=AttachmentKind.IMAGE, id=f"https://pictures.example/{name}.png")
        shop.port.say(shop.address(), f"A {name}:", attachments=[picture])
    # Until it has failed, the one that cannot be had is a picture, too.
    await expect(page.locator("rapport-chat .files a").last).to_have_text("https://pictures.example/gone.png")
    shown = page.locator("rapport-chat .picture img")
    await expect(shown).to_have_count(1)
    await expect(shown).to_have_js_property("naturalWidth", 1)


async def test_what_is_for_the_page_is_handed_to_it_once_and_shown_nowhere(
    context: BrowserContext, shop: DemoShop
) -> None:
    page = await open_chat(context, shop)
    await page.locator("rapport-chat").evaluate(
        "chat => { window.told = []; chat.addEventListener('custom', ({ detail }) => window.told.push(detail)); }"
    )
    await write(page, "silent")
    await expect(page.locator(".mine.pending")).to_have_count(0)
    card = {"card": {"product": "龙井", "price": 12.5}}
    alone = shop.port.say(shop.address(), "", custom=card)
    beside = shop.port.say(shop.address(), "Here it is.", custom={"page": 2})
    await expect(bubbles(page)).to_have_text(["silent", "Here it is."])
    assert await page.evaluate("window.told") == [
        {"position": alone.id, "payload": card, "live": True},
        {"position": beside.id, "payload": {"page": 2}, "live": True},
    ]
    await shop.close()
    await shop.open()
    shop.port.say(shop.address(), "Back again.")
    await expect(bubbles(page).last).to_have_text("Back again.")
    assert len(await page.evaluate("window.told")) == 2, "also when it comes again"


async def test_a_file_that_cannot_be_taken_says_why_and_can_be_removed(context: BrowserContext, shop: DemoShop) -> None:
    page = await open_chat(context, shop)
    await shop.until_connected()
    files = page.locator("rapport-chat input[type=file]")
    await files.set_input_files([{"name": "a.png", "mimeType": "image/png", "buffer": b"MZ\x00\x01"}])
    await expect(page.locator(".upload.bad")).to_contain_text("cannot be sent here")
    await expect(page.get_by_role("button", name="Send", exact=True)).to_be_disabled()
    await page.get_by_role("button", name="Remove a.png").click()
    await files.set_input_files([{"name": "b.png", "mimeType": "image/png", "buffer": PNG + b"x" * 200_000}])
    await expect(page.locator(".upload.bad")).to_contain_text("b.png is too large")


async def test_on_a_phone_the_window_fills_the_screen_and_everything_can_be_touched(
    browser: Browser, shop: DemoShop
) -> None:
    context = await browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True, locale="zh-CN")
    page = await open_chat(context, shop, "?language=zh-Hans")
    await write(page, "tea?")
    await write(page, "silent " + "很长的词" * 30 + "w" * 200)
    await expect(page.locator(".mine.pending")).to_have_count(0)
    panel = page.locator(".panel")
    await panel.evaluate("node => Promise.all(node.getAnimations().map(animation => animation.finished))")
    assert await panel.bounding_box() == {"x": 0, "y": 0, **PHONE}
    assert await page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    assert await page.locator(".scroll").evaluate("node => node.scrollWidth <= node.clientWidth")
    for target in await page.locator(".panel button:visible, .panel a.choice, textarea").all():
        size = await target.bounding_box()
        assert size is not None
        assert min(size["width"], size["height"]) >= 44, await target.evaluate("node => node.outerHTML")
    await context.close()


async def test_on_a_phone_the_focus_stays_inside_the_window(browser: Browser, shop: DemoShop) -> None:
    context = await browser.new_context(viewport=PHONE)
    page = await open_chat(context, shop)
    for _ in range(12):
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.localName") == "rapport-chat"
    await context.close()


async def test_earlier_messages_come_on_request_and_in_order(context: BrowserContext, shop: DemoShop) -> None:
    page = await open_chat(context, shop)
    await write(page, "silent start")
    await expect(page.locator(".mine .state")).to_have_text("Delivered")
    for number in range(45):
        shop.port.say(shop.address(), f"note {number}")
    await expect(bubbles(page)).to_have_count(46)
    await page.reload()
    await page.locator(".launcher").click()
    await expect(bubbles(page)).to_have_count(20)
    for count in (40, 46):
        await page.get_by_role("button", name="Show earlier messages").click()
        await expect(bubbles(page)).to_have_count(count)
    await expect(page.get_by_role("button", name="Show earlier messages")).to_be_hidden()
    texts = await bubbles(page).all_text_contents()
    assert texts == ["silent start", *(f"note {number}" for number in range(45))]


async def test_a_closed_window_counts_what_was_not_read(context: BrowserContext, shop: DemoShop) -> None:
    page = await open_chat(context, shop)
    await write(page, "silent")
    await expect(page.locator(".mine .state")).to_have_text("Delivered")
    await page.keyboard.press("Escape")
    shop.port.say(shop.address(), "one")
    shop.port.say(shop.address(), "two")
    await expect(page.locator(".badge")).to_have_text("2")
    await page.reload()
    await expect(page.get_by_role("button", name="Open chat, 2 unread")).to_be_visible()
    await page.locator(".launcher").click()
    await expect(page.locator(".badge")).to_be_hidden()
    await page.reload()
    await shop.until_connected()
    await expect(page.get_by_role("button", name="Open chat", exact=True)).to_be_visible()


async def test_typing_is_shown_both_ways(context: BrowserContext, shop: DemoShop) -> None:
    page = await open_chat(context, shop)
    address = await shop.until_connected()
    await field(page).press_sequentially("Hel")
    async with asyncio.timeout(10):
        while address not in shop.port.typed:  # noqa: ASYNC110
            await asyncio.sleep(0)
    await shop.chat.typing(address)
    await expect(page.locator(".typing")).to_be_visible()
    shop.port.say(address, "here I am")
    await expect(page.locator(".typing")).to_be_hidden()


async def test_being_offline_is_said_and_ends_by_itself(context: BrowserContext, shop: DemoShop) -> None:
    page = await open_chat(context, shop)
    await shop.until_connected()
    await context.set_offline(True)
    await expect(page.locator(".banner")).to_contain_text("You are offline")
    await context.set_offline(False)
    await expect(page.locator(".banner")).to_be_hidden()
    await write(page, "back again")
    await expect(bubbles(page)).to_have_count(2)


async def test_a_page_with_a_strict_policy_of_its_own_can_embed_the_chat(
    context: BrowserContext, shop: DemoShop
) -> None:
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto(shop.url + "plain")
    await page.locator(".launcher").click()
    await write(page, "Hello")
    await expect(bubbles(page)).to_have_count(2)
    assert [complaint for complaint in complaints if "favicon" not in complaint and "404" not in complaint] == []


@pytest.mark.parametrize("language", ["en", "zh-Hans", "zh-Hant"])
async def test_a_screen_reader_finds_names_and_a_log(context: BrowserContext, shop: DemoShop, language: str) -> None:
    page = await open_chat(context, shop, f"?language={language}")
    await expect(page.get_by_role("log")).to_have_attribute("aria-live", "polite")
    await expect(page.get_by_role("dialog")).to_have_accessible_name(re.compile("Shanlan Tea|山岚茶|山嵐茶"))
    for button in await page.locator("rapport-chat button:visible, rapport-chat textarea").all():
        await expect(button).to_have_accessible_name(re.compile(r"\S"))


async def test_a_customer_who_logs_in_is_known_and_leaves_nothing_behind_when_logging_out(
    context: BrowserContext, shop: DemoShop
) -> None:
    page = await open_chat(context, shop)
    await write(page, "silent stranger")
    await expect(page.locator(".mine .state")).to_have_text("Delivered")
    identity = signed({"sub": "10042", "iat": int(time.time()), "name": "Chen"}, key=IDENTITY_KEY)
    chat = page.locator("rapport-chat")
    await chat.evaluate("(chat, identity) => chat.setAttribute('identity', identity)", identity)
    await expect(bubbles(page)).to_have_count(0)
    await write(page, "silent Chen")
    await expect(page.locator(".mine .state")).to_have_text("Delivered")
    assert shop.port.inbound[-1].proven == ("customer:10042",)
    await chat.evaluate("chat => chat.removeAttribute('identity')")
    await expect(bubbles(page)).to_have_count(0)
    await write(page, "silent again")
    await expect(page.locator(".mine .state")).to_have_text("Delivered")
    assert len({message.address for message in shop.port.inbound}) == 3


async def talked(context: BrowserContext, shop: DemoShop, language: str = "en") -> Page:
    """The chat of somebody who has written, so that we would know them elsewhere."""
    page = await open_chat(context, shop, f"?language={language}")
    await write(page, "silent")
    await expect(page.locator(".mine .state")).not_to_have_text("")
    await expect(page.locator(".mine.pending")).to_have_count(0)
    return page


WAYS_TO_TELEGRAM = (
    ("en", "Continue in Telegram", "Open Telegram", "Close this notice"),
    ("zh-Hans", "转到 Telegram 继续聊", "打开 Telegram", "关闭此提示"),
    ("zh-Hant", "改用 Telegram 繼續聊", "開啟 Telegram", "關閉此提示"),
)


@pytest.mark.parametrize(("language", "go", "link", "close"), WAYS_TO_TELEGRAM)
async def test_who_has_written_can_go_on_in_telegram(
    context: BrowserContext, shop: DemoShop, language: str, go: str, link: str, close: str
) -> None:
    shop.port.elsewhere["telegram"] = "https://t.me/loopback_bot"
    page = await open_chat(context, shop, f"?language={language}")
    await shop.until_connected()
    button = page.get_by_role("button", name=go, exact=True)
    await expect(button).to_be_hidden()
    await write(page, "silent")
    await button.click()
    way = page.get_by_role("link", name=link)
    await expect(way).to_have_attribute("href", "https://t.me/loopback_bot?start=code1")
    await expect(way).to_have_attribute("rel", "noopener noreferrer")
    await expect(way).to_be_focused()
    await expect(page.get_by_role("region", name=go)).to_be_visible()
    await expect(button).to_have_attribute("aria-expanded", "true")
    await page.get_by_role("button", name=close).click()
    await expect(way).to_be_hidden()
    await expect(button).to_be_focused()
    assert shop.port.invited == [shop.address()]


async def test_without_another_channel_nothing_is_offered(context: BrowserContext, shop: DemoShop) -> None:
    page = await talked(context, shop)
    await write(page, "and now an answer")
    await expect(bubbles(page)).to_have_count(3)
    await expect(page.get_by_role("button", name=re.compile("Continue in"))).to_have_count(0)
    assert shop.port.invited == []


async def test_going_on_in_telegram_needs_only_the_keyboard(context: BrowserContext, shop: DemoShop) -> None:
    shop.port.elsewhere["telegram"] = f"{shop.url}telegram-stands-here"
    page = await talked(context, shop)
    await page.get_by_role("button", name="Continue in Telegram").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("link", name="Open Telegram")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("link", name="Open Telegram")).to_be_hidden()
    await expect(page.locator(".panel")).to_be_visible()
    await expect(page.get_by_role("button", name="Continue in Telegram")).to_be_focused()
    await page.keyboard.press("Space")
    await expect(page.get_by_role("link", name="Open Telegram")).to_be_focused()
    async with context.expect_page() as opened:
        await page.keyboard.press("Enter")
    assert (await opened.value).url.endswith("telegram-stands-here?start=code2")
    await expect(page.get_by_role("link", name="Open Telegram")).to_be_hidden()


async def test_the_link_can_be_taken_to_another_device(browser: Browser, shop: DemoShop) -> None:
    shop.port.elsewhere["telegram"] = "https://t.me/loopback_bot"
    context = await browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = await talked(context, shop)
    await page.get_by_role("button", name="Continue in Telegram").click()
    await page.get_by_role("button", name="Copy link").click()
    await expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert await page.evaluate("navigator.clipboard.readText()") == "https://t.me/loopback_bot?start=code1"
    await context.close()


async def test_a_link_that_cannot_be_made_says_so_and_can_be_asked_for_again(
    context: BrowserContext, shop: DemoShop
) -> None:
    shop.port.elsewhere["telegram"] = "https://t.me/loopback_bot"
    page = await talked(context, shop)
    shop.port.failures = 1
    await page.get_by_role("button", name="Continue in Telegram").click()
    await expect(page.locator(".elsewhere p.bad")).to_have_text(re.compile(r"\w"))
    await expect(page.get_by_role("link", name="Open Telegram")).to_be_hidden()
    await page.get_by_role("button", name="Close this notice").click()
    await page.get_by_role("button", name="Continue in Telegram").click()
    await expect(page.get_by_role("link", name="Open Telegram")).to_be_visible()


async def test_on_a_phone_the_way_to_telegram_fits_and_can_be_touched(browser: Browser, shop: DemoShop) -> None:
    shop.port.elsewhere["telegram"] = "https://t.me/loopback_bot"
    context = await browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
    page = await talked(context, shop)
    await page.get_by_role("button", name="Continue in Telegram").tap()
    await expect(page.get_by_role("link", name="Open Telegram")).to_be_visible()
    assert await page.locator(".panel").evaluate("node => node.scrollWidth <= node.clientWidth")
    for target in await page.locator(".panel button:visible, .elsewhere a:visible").all():
        size = await target.bounding_box()
        assert size is not None
        assert min(size["width"], size["height"]) >= 44, await target.evaluate("node => node.outerHTML")
    await context.close()
