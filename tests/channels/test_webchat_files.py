"""Attachments from strangers: taken by what they are, named harmlessly, shown to their owner only, never executed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from channels.envelope import Attachment, AttachmentKind
from channels.webchat.files import safe_name, sniff
from tests.channels.webchat_shop import Shop, bearer, open_shop
from tests.clock import FrozenClock

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c49444154789c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)


@pytest.fixture
async def shop(tmp_path: Path, clock: FrozenClock) -> AsyncGenerator[Shop]:
    async with open_shop(tmp_path, clock, upload_limit=100_000) as shop:
        yield shop


async def test_a_picture_travels_with_a_message_and_can_be_seen_again(shop: Shop) -> None:
    visitor = await shop.visit()
    status, upload = await shop.upload(visitor["token"], PNG, "破损的茶杯.PNG")
    assert status == 200
    assert (upload["kind"], upload["name"], upload["size"]) == ("image", "破损的茶杯.png", len(PNG))
    await shop.send(visitor["token"], {"type": "message", "id": "m", "text": "", "attachments": [upload["id"]]})
    [message] = shop.port.inbound
    [attachment] = message.attachments
    assert (attachment.kind, attachment.content_type) == (AttachmentKind.IMAGE, "image/png")
    [shown] = [frame for frame in await shop.poll(visitor["token"], after=0) if frame["type"] == "message"]
    async with shop.session.get(shop.url("/" + shown["attachments"][0]["url"])) as response:
        assert await response.read() == PNG
        assert response.headers["Content-Type"] == "image/png"
        assert response.headers["Content-Disposition"].startswith("inline")
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"MZ\x90\x00\x03", "invoice.pdf"),
        (b"PK\x03\x04\x14\x00", "photo.png"),
        (b"\x00\x01\x02", "notes.txt"),
        (b"\xff\xfe<\x00", "notes.txt"),
        (b"", "empty.png"),
    ],
)
async def test_content_that_is_not_what_we_take_is_refused_whatever_its_name(
    shop: Shop, content: bytes, name: str
) -> None:
    visitor = await shop.visit()
    status, [refused] = await shop.upload(visitor["token"], content, name)
    assert (status, refused["code"]) == (415, "bad_type")
    assert shop.port.blobs == {}


async def test_a_web_page_in_disguise_is_handed_out_as_a_text_to_download(shop: Shop) -> None:
    visitor = await shop.visit()
    _, upload = await shop.upload(visitor["token"], b"<script>alert(1)</script>", "page.html")
    assert (upload["content_type"], upload["name"]) == ("text/plain", "page.html.txt")
    async with shop.session.get(shop.url("/" + upload["url"])) as response:
        assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert response.headers["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize(
    ("claimed", "shown"),
    [
        ("../../etc/passwd", "passwd.pdf"),
        ("C:\\Users\\me\\a.pdf", "a.pdf"),
        ("invoice\u202efdp.exe", "invoicefdp.exe.pdf"),
        ("a\r\nSet-Cookie: x=1", "aSet-Cookie_ x=1.pdf"),
        ('"><img src=x>.pdf', "___img src=x_.pdf"),
        ("", "file.pdf"),
        ("...", "file.pdf"),
        ("x" * 500, "x" * 116 + ".pdf"),
        ("发票 2026.pdf", "发票 2026.pdf"),
    ],
)
def test_a_hostile_name_becomes_harmless(claimed: str, shown: str) -> None:
    assert safe_name(claimed, "application/pdf") == shown


def test_content_is_known_by_its_first_bytes() -> None:
    assert sniff(b"GIF89a...") == "image/gif"
    assert sniff(b"RIFF\x00\x00\x00\x00WEBPVP8 ") == "image/webp"
    assert sniff(b"\xff\xd8\xff\xe0") == "image/jpeg"
    assert sniff(b"%PDF-1.7") == "application/pdf"
    assert sniff("茶\r\n".encode()) == "text/plain"


async def test_an_upload_beyond_the_limit_is_refused_before_it_is_read(shop: Shop) -> None:
    visitor = await shop.visit()
    status, [refused] = await shop.upload(visitor["token"], b"x" * 100_001)
    assert (status, refused["code"]) == (413, "too_large")
    assert (await shop.upload(visitor["token"], b"x" * 100_000))[0] == 200
    assert [(refusal.reason, refusal.size) for refusal in shop.port.refusals] == [("too_large", 100_001)]


async def test_an_upload_of_unknown_length_is_cut_off_at_the_limit(shop: Shop) -> None:
    visitor = await shop.visit()

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 10_000

    async with shop.session.post(shop.url("/upload"), data=endless(), headers=bearer(visitor["token"])) as response:
        assert response.status == 413
    assert shop.port.blobs == {}


async def test_the_upload_of_another_visitor_cannot_be_attached(shop: Shop) -> None:
    ann, ben = await shop.visit(), await shop.visit()
    _, upload = await shop.upload(ann["token"], PNG)
    status, [refused] = await shop.send(
        ben["token"], {"type": "message", "id": "m", "text": "mine now", "attachments": [upload["id"]]}
    )
    assert (status, refused["code"], refused["id"]) == (400, "bad_attachment", "m")


async def test_more_attachments_than_allowed_are_refused(shop: Shop) -> None:
    visitor = await shop.visit()
    _, upload = await shop.upload(visitor["token"], PNG)
    status, [refused] = await shop.send(
        visitor["token"], {"type": "message", "id": "m", "attachments": [upload["id"]] * 6}
    )
    assert (status, refused["code"]) == (400, "bad_attachment")


async def test_a_file_opens_only_by_a_link_that_we_signed_and_only_for_a_while(shop: Shop) -> None:
    visitor = await shop.visit()
    _, upload = await shop.upload(visitor["token"], PNG, "cup.png")
    link = shop.url("/" + upload["url"])
    bare = link.partition("?")[0]
    for wrong in (bare, link.replace("cup.png", "cup.exe"), link[:-3] + "AAA", link.replace("expires=", "expires=9")):
        async with shop.session.get(wrong) as response:
            assert response.status == 403
    shop.clock.advance(timedelta(hours=25, seconds=1))
    async with shop.session.get(link) as response:
        assert response.status == 403


async def test_a_link_to_another_file_of_the_same_name_is_not_ours(shop: Shop) -> None:
    visitor = await shop.visit()
    _, first = await shop.upload(visitor["token"], PNG, "a.png")
    _, second = await shop.upload(visitor["token"], PNG + b"x", "a.png")
    mixed = second["url"].partition("?")[0] + "?" + first["url"].partition("?")[2]
    async with shop.session.get(shop.url("/" + mixed)) as response:
        assert response.status == 403


async def test_what_an_agent_attaches_is_downloaded_and_never_run(shop: Shop) -> None:
    visitor = await shop.visit()
    blob = await shop.port.keep(b"<html>", content_type="text/html")
    shop.port.say(
        f"webchat:{visitor['visitor']}",
        "See the attachment",
        attachments=[Attachment(kind=AttachmentKind.FILE, id=blob.sha256, name="offer.html", size=6)],
    )
    [_, frame] = await shop.poll(visitor["token"])
    async with shop.session.get(shop.url("/" + frame["attachments"][0]["url"])) as response:
        assert response.headers["Content-Type"] == "application/octet-stream"
        assert response.headers["Content-Disposition"].startswith("attachment")
