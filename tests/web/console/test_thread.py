"""The thread: what happened in the reader's words, and nothing of what a customer sends that could do harm."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from sqlalchemy import insert, update

from channels.envelope import Attachment, AttachmentKind, Event, InboundMessage
from desk import conversations
from storage.blobs import BlobRecord
from storage.commits import Transaction
from storage.deliveries import Delivery
from storage.interactions import Interaction
from tests.clock import FrozenClock
from tests.web.console.people import Console
from tests.web.console.talkers import channel, open_talks, talk_with

NASTY = """<script>alert(1)</script><img src=x onerror=alert(2)>"' {{ 7191*7 }}"""
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"


@pytest.fixture
async def talks(
    migrated_url: str, tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Console]:
    async with open_talks(migrated_url, tmp_path, clock, monkeypatch) as opened:
        yield opened


async def kept(talks: Console, content: bytes, stated: str) -> str:
    return (await talks.house.gateway.blobs.keep(content, content_type=stated)).sha256


async def test_what_happened_is_told_in_each_readers_language(talks: Console) -> None:
    mei, ben = await talks.staff("Mei", "agent", language="zh-Hans"), await talks.staff("Ben", "agent")
    talk = await talk_with(talks, "webchat", "a person please", by="Ben")
    await talks.house.do(conversations.handback, conversation=talk, by="Ben")
    place = f"/console/conversations/{talk}"
    english, chinese = (await ben.get(place)).words, (await mei.get(place)).words
    assert "Ben took the conversation over from the queue" in english
    assert "Ben handed the conversation back to the assistant" in english
    assert "Understood: wants a person 99 % sure" in english
    assert "Ben 从队列接手了会话" in chinese
    assert "识别结果: 要求人工客服 把握 99%" in chinese
    assert "took the conversation" not in chinese
    assert "已发送" in chinese


async def test_the_summary_is_in_the_readers_language(talks: Console) -> None:
    ben = await talks.staff("Ben", "agent")
    hant, hans = (
        await talks.staff("Mei", "agent", language="zh-Hant"),
        await talks.staff("Li", "agent", language="zh-Hans"),
    )
    talk = await talk_with(talks, "webchat", "a person please", name="Ann Berg", by="Ben")
    place = f"/console/conversations/{talk}"
    assert "最后说的话：a person please" in (await hans.get(place)).words
    assert "a person please" in (await ben.get(place)).words.split("Messages")[0]
    assert "最后说的话" not in (await ben.get(place)).words
    assert "渠道：" not in (await hant.get(place)).words


async def test_a_message_that_did_not_arrive_says_why_and_what_can_be_done(talks: Console) -> None:
    ben, mei = await talks.staff("Ben", "agent"), await talks.staff("Mei", "agent", language="zh-Hant")
    talk = await talk_with(talks, "webchat", "a person please", by="Ben")

    def lose(transaction: Transaction) -> None:
        transaction.connection.execute(update(Delivery).values(status="failed", reason="blocked: 403 <b>Forbidden</b>"))

    await talks.house.do(lose)
    page = await ben.get(f"/console/conversations/{talk}/lines")
    assert "not delivered The customer has blocked us here. Try another way to reach them." in page.words
    assert "<b>Forbidden" not in page.html
    assert "未送達 客戶已在此管道封鎖我們" in (await mei.get(f"/console/conversations/{talk}/lines")).words


async def test_pictures_are_shown_and_everything_else_is_a_download_that_runs_nothing(talks: Console) -> None:
    ben = await talks.staff("Ben", "agent")
    files = [
        Attachment(kind=AttachmentKind.IMAGE, id=await kept(talks, PNG, "image/png"), name=NASTY),
        Attachment(kind=AttachmentKind.IMAGE, id=await kept(talks, SVG, "image/png"), name="x\r\nSet-Cookie: a=b.svg"),
        Attachment(kind=AttachmentKind.FILE, id=await kept(talks, b"<script>", "text/html"), content_type="text/html"),
        Attachment(
            kind=AttachmentKind.LOCATION, id="here", data={"latitude": 31.2, "longitude": 121.5, "title": NASTY}
        ),
        Attachment(kind=AttachmentKind.CONTACT, id="c", data={"name": NASTY, "phone_number": "+8613800138000"}),
    ]
    talk = await talk_with(talks, "webchat", NASTY, attachments=files, name=NASTY)
    page = await ben.get(f"/console/conversations/{talk}")
    assert "<script>alert" not in page.html
    assert "<img src=x" not in page.html
    assert "50337" not in page.html
    line = min(row["id"] for row in talks.house.rows(Interaction))
    place = f"/console/conversations/{talk}/files/{line}"
    assert f'<img src="{place}/0"' in page.html
    shown = await ben.client.get(f"{place}/0")
    assert (shown.status, shown.headers["Content-Type"], await shown.read()) == (200, "image/png", PNG)
    for number in (1, 2):
        given = await ben.get(f"{place}/{number}")
        assert given.headers["Content-Type"] == "application/octet-stream"
        assert given.headers["Content-Disposition"].startswith("attachment; ")
        assert "Set-Cookie" not in given.headers
        assert "sandbox" in given.headers["Content-Security-Policy"]
        assert given.headers["X-Content-Type-Options"] == "nosniff"


async def test_no_attachment_leads_out_of_its_conversation_or_out_of_the_blobs(talks: Console) -> None:
    ben = await talks.staff("Ben", "agent")
    file = await kept(talks, PNG, "image/png")
    files = [
        Attachment(kind=AttachmentKind.FILE, id=file),
        Attachment(kind=AttachmentKind.FILE, id="../" * 20 + "etc/passwd", name="passwd"),
        Attachment(kind=AttachmentKind.FILE, id="f" * 64, name="gone"),
    ]
    talk = await talk_with(talks, "webchat", "look", attachments=files)
    line = min(row["id"] for row in talks.house.rows(Interaction))
    other = await talk_with(talks, "sms", "hello")

    def record(transaction: Transaction) -> None:
        transaction.connection.execute(
            insert(BlobRecord),
            {"sha256": "../../secret", "size": 1, "content_type": "text/plain", "kept_at": transaction.now},
        )

    await talks.house.do(record)
    assert (await ben.client.get(f"/console/conversations/{talk}/files/{line}/0")).status == 200
    for path in (
        f"{other}/files/{line}/0",
        f"{talk}/files/{line}/1",
        f"{talk}/files/{line}/2",
        f"{talk}/files/{line}/9",
        f"{talk}/files/{line}/..%2f..%2fsecret",
        f"{talk}/files/{'9' * 40}/0",
        f"{other}/letters/{line}",
    ):
        assert (await ben.get(f"/console/conversations/{path}")).status == 404, path


async def test_a_mails_layout_is_shown_where_it_can_do_nothing(talks: Console) -> None:
    ben = await talks.staff("Ben", "agent")
    html = f'<h1>Hello</h1>{NASTY}<form action="https://evil.test"><input name="password"></form>'
    raw = f"From: ann@example.org\r\nSubject: x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{html}".encode()
    talk = await talk_with(talks, "mail", "Hello", raw=raw, subject=NASTY)
    line = min(row["id"] for row in talks.house.rows(Interaction))
    page = await ben.get(f"/console/conversations/{talk}")
    assert f'data-letter="/console/conversations/{talk}/letters/{line}"' in page.html
    assert "<script>alert" not in page.html
    letter = await ben.get(f"/console/conversations/{talk}/letters/{line}")
    policy = letter.headers["Content-Security-Policy"]
    assert letter.status == 200
    assert "default-src 'none'" in policy
    assert "sandbox allow-popups" in policy
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert "frame-ancestors 'self'" in policy
    assert "form-action 'none'" in policy


async def test_what_was_said_long_ago_comes_in_pages_and_stays_when_more_is_said(talks: Console) -> None:
    ben = await talks.staff("Ben", "agent")
    talk = await talk_with(talks, "webchat", "word 0", by="Ben")
    for number in range(1, 70):
        await talks.house.do(conversations.note, conversation=talk, by="Ben", text=f"word {number}.")
    place = f"/console/conversations/{talk}"
    page = await ben.get(place)
    assert "word 69." in page.words
    assert "word 5." not in page.words
    first = page.html.partition("lines?since=")[2].partition('"')[0]
    earlier = await ben.get(f"{place}/lines?before={first}", **{"HX-Request": "true"})
    assert "word 5." in earlier.words
    assert "word 69." not in earlier.words
    await talks.house.do(conversations.note, conversation=talk, by="Ben", text="word 70.")
    now = await ben.get(f"{place}/lines?since={first}", **{"HX-Request": "true"})
    assert "word 70." in now.words
    assert f'id="line-{first}"' in now.html
    assert (await ben.get(f"{place}/lines?since=999999")).status == 404


@pytest.mark.parametrize(
    ("said", "leads"),
    [
        ("见https://shop.test/a?b=1&c=2。谢谢", "https://shop.test/a?b=1&amp;c=2"),
        ("(see http://shop.test/a_(b)), please", "http://shop.test/a_(b)"),
        ('https://shop.test"><script>alert(1)</script>', "https://shop.test"),
        ("https://bank.example@evil.example/ and javascript:alert(1)", None),
        ("https://[bad and xhttps://shop.test", None),
    ],
)
async def test_an_address_can_be_followed_and_tells_nobody_where_one_came_from(
    talks: Console, said: str, leads: str | None
) -> None:
    ben = await talks.staff("Ben", "agent")
    talk = await talk_with(talks, "webchat", said)
    html = (await ben.get(f"/console/conversations/{talk}/lines")).html
    safely = 'target="_blank" rel="noopener noreferrer nofollow"'
    found = re.findall(rf'<p class="text"[^>]*>.*?<a {safely} href="([^"]*)"', html)
    assert found == ([] if leads is None else [leads])
    assert "<script>" not in html
    assert len(re.findall("<a [^>]*shop.test|<a [^>]*evil", html)) == len(found)


async def test_a_message_that_was_changed_later_says_so(talks: Console) -> None:
    ben = await talks.staff("Ben", "agent")
    talk = await talk_with(talks, "webchat", "it is red", message_id="m1")
    message = channel(talks, "webchat")
    await message.port.accept([_edit(talks, "it is green")])
    await talks.house.gateway.settle()
    words = (await ben.get(f"/console/conversations/{talk}")).words
    assert "changed later it is red" in words
    assert "changed an earlier message it is green" in words


def _edit(talks: Console, text: str) -> InboundMessage:
    return InboundMessage(
        channel="webchat",
        event=Event.EDIT,
        external_id="edit-1",
        address="webchat:ann",
        sent_at=talks.house.clock.now(),
        raw=b"",
        text=text,
        message_id="m1",
        edits="m1",
    )


async def test_nothing_of_the_assistant_leaves_once_a_person_pressed_the_button(talks: Console) -> None:
    ben = await talks.staff("Ben", "agent")
    house = talks.house
    talk = await talk_with(talks, "webchat", "hello")
    house.hears.may_answer.clear()
    await channel(talks, "webchat").bring("and what now?", sender="ann", clock=house.clock)
    await ben.post(f"/console/conversations/{talk}/take")
    sent = len(channel(talks, "webchat").sent)
    house.hears.may_answer.set()
    await house.gateway.settle()
    await house.later(3600)
    assert len(channel(talks, "webchat").sent) == sent
