"""A mail provider's webhook over HTTP: stored before acknowledged, and nobody else gets in."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from io import BytesIO
from typing import Any, cast

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from channels.envelope import Arrival, ConsentUpdate, DeliveryUpdate, Event, InboundMessage, Refusal
from channels.mail.providers.seam import Credentials
from channels.mail.reading import File, Reading, Source
from channels.mail.webhooks import HookSettings, InsecureHook, MailHook
from channels.protocol import Accepted, Port, StorageUnavailable

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
KNOWN = Credentials(user="hook", password="long password")
LOGIN = {"Authorization": "Basic " + base64.b64encode(b"hook:long password").decode()}
DELIVERED = {"RecordType": "Delivery", "Recipient": "ann@example.org", "MessageID": "m"}
COMPLAINED = {"RecordType": "SpamComplaint", "Type": "SpamComplaint", "Email": "ann@example.org", "ID": 7}
MAIL = {
    "FromFull": {"Email": "ann@example.org", "Name": "安"},
    "TextBody": "在吗？",
    "MessageID": "p-1",
}


@dataclass
class House:
    """Keeps what it is handed; may be away."""

    away: bool = False
    arrivals: list[Arrival] = field(default_factory=list[Arrival])
    done: list[str] = field(default_factory=list[str])

    async def accept(self, batch: Sequence[Arrival], *, cursor: str | None = None) -> Sequence[Accepted]:
        if self.away:
            raise StorageUnavailable("away")
        self.arrivals.extend(batch)
        self.done.append("stored")
        return [Accepted(interaction_id=number) for number, _ in enumerate(batch)]

    async def keep(self, content: bytes, *, content_type: str) -> None:
        self.done.append(f"kept {content!r}, {content_type}")


PHOTO = File(sha256="ab" * 32, content_type="image/png", content=b"a photo")


async def read_mail(raw: bytes, source: Source) -> Reading:
    message = InboundMessage(
        channel="mail",
        event=Event.MESSAGE,
        external_id=source.external_id,
        address="mailto:ann@example.org",
        sent_at=source.arrived,
        raw=raw,
    )
    return Reading(arrivals=(message,), files=(PHOTO,))


Post = Callable[..., Awaitable[int]]


@asynccontextmanager
async def listening(house: House, settings: HookSettings) -> AsyncGenerator[Post]:
    hook = MailHook(settings, channel="mail", read_mail=read_mail, wrote=lambda _: False, clock=lambda: NOW)
    app = web.Application(client_max_size=10**9)
    app.add_routes(hook.routes())
    await hook.start(cast(Port, house))
    async with TestServer(app) as server, ClientSession() as session:

        async def post(body: object, headers: dict[str, str] | None = None, method: str = "POST") -> int:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            async with session.request(
                method, server.make_url("/mail/hook"), data=BytesIO(data), headers=headers
            ) as answer:
                return answer.status

        yield post
    await hook.stop()


def postmark(**fields: Any) -> HookSettings:
    return HookSettings(provider="postmark", credentials=KNOWN, **fields)


async def test_what_the_provider_tells_is_stored_and_then_acknowledged() -> None:
    house = House()
    async with listening(house, postmark()) as post:
        assert await post(DELIVERED, LOGIN) == 200
        assert await post(COMPLAINED, LOGIN) == 200
    update, consent = house.arrivals
    assert isinstance(update, DeliveryUpdate)
    assert isinstance(consent, ConsentUpdate)
    assert (consent.source, consent.granted) == ("complaint", False)


async def test_the_files_of_a_mail_are_kept_before_the_row_that_names_them() -> None:
    house = House()
    async with listening(house, postmark()) as post:
        assert await post(MAIL, LOGIN) == 200
    assert house.done == ["kept b'a photo', image/png", "stored"]


async def test_a_mail_is_handed_to_the_mailboxs_reader_under_the_providers_own_identity() -> None:
    house = House()
    async with listening(house, postmark()) as post:
        assert await post(MAIL, LOGIN) == 200
        assert await post(MAIL, LOGIN) == 200
    first, again = house.arrivals
    assert isinstance(first, InboundMessage)
    assert isinstance(again, InboundMessage)
    assert first.external_id == again.external_id
    assert base64.b64encode("在吗？".encode()) in first.raw


async def test_a_mail_of_many_megabytes_is_taken_whole() -> None:
    house, content = House(), base64.b64encode(b"x" * 5_000_000).decode()
    attachment = {"Name": "big.bin", "ContentType": "application/octet-stream", "Content": content}
    async with listening(house, postmark()) as post:
        assert await post({**MAIL, "Attachments": [attachment]}, LOGIN) == 200
    (message,) = house.arrivals
    assert isinstance(message, InboundMessage)
    assert len(message.raw) > 5_000_000


async def test_while_the_database_is_away_the_provider_is_to_come_again() -> None:
    house = House(away=True)
    async with listening(house, postmark()) as post:
        assert await post(DELIVERED, LOGIN) == 503
        house.away = False
        assert await post(DELIVERED, LOGIN) == 200
    assert len(house.arrivals) == 1


async def test_nobody_else_gets_in_and_of_theirs_only_hash_size_and_headers_are_kept() -> None:
    house = House()
    async with listening(house, postmark()) as post:
        assert await post(b"first") == 401
        assert await post(DELIVERED, {"Authorization": "Basic aG9vazp3cm9uZw==", "User-Agent": "x" * 2000}) == 401
        house.away = True
        assert await post(DELIVERED) == 401
        assert await post(b"", method="HEAD") == 200
    first, second = house.arrivals
    assert isinstance(first, Refusal)
    assert isinstance(second, Refusal)
    assert first.reason.startswith("forged: ")
    assert (first.size, first.sha256) == (5, hashlib.sha256(b"first").hexdigest())
    assert (second.headers["User-Agent"], second.headers["peer"]) == ("x" * 500, "127.0.0.1")
    assert "Authorization" not in second.headers


async def test_what_cannot_be_read_or_is_too_large_leaves_its_hash_and_size() -> None:
    house = House()
    async with listening(house, postmark(body_limit=1000)) as post:
        assert await post(b"not JSON", LOGIN) == 400
        assert await post(b"x" * 5000, LOGIN) == 413
    unreadable, oversize = house.arrivals
    assert isinstance(unreadable, Refusal)
    assert isinstance(oversize, Refusal)
    assert (unreadable.reason, unreadable.size) == ("not JSON", 8)
    assert (oversize.reason, oversize.size) == ("too large: webhook_bytes", 5000)


@pytest.mark.parametrize(
    ("provider", "credentials", "needed"),
    [
        ("postmark", Credentials(key="signs nothing"), "password"),
        ("mailgun", KNOWN, "key"),
        ("ses", Credentials(key="k"), "topic"),
        ("sendgrid", Credentials(), "key or password"),
    ],
)
def test_a_webhook_without_what_proves_its_provider_is_refused_at_the_start(
    provider: str, credentials: Credentials, needed: str
) -> None:
    with pytest.raises(InsecureHook, match=f"set {needed}"):
        MailHook(
            HookSettings(provider=provider, credentials=credentials),
            channel="mail",
            read_mail=read_mail,
            wrote=lambda _: False,
            clock=lambda: NOW,
        )


def test_settings_show_no_secret() -> None:
    shown = repr(HookSettings(provider="resend", credentials=replace(KNOWN, key="k3y", api_key="ap1")))
    assert not any(secret in shown for secret in ("long password", "k3y", "ap1"))


# Resend's webhook points to a mail

SECRET = base64.b64encode(b"a signing secret").decode()
RECEIVED = json.dumps({"type": "email.received", "data": {"email_id": "e-1", "from": "ann@example.org"}}).encode()


def signed(body: bytes) -> dict[str, str]:
    stamp = str(int(NOW.timestamp()))
    mac = hmac.digest(b"a signing secret", f"msg_1.{stamp}.".encode() + body, "sha256")
    return {
        "svix-id": "msg_1",
        "svix-timestamp": stamp,
        "svix-signature": "v1," + base64.b64encode(mac).decode(),
        "Content-Type": "application/json",
    }


@asynccontextmanager
async def resend(answer: Callable[[web.Request], web.Response]) -> AsyncGenerator[tuple[str, list[web.Request]]]:
    asked: list[web.Request] = []

    async def handle(request: web.Request) -> web.Response:
        asked.append(request)
        return answer(request)

    app = web.Application()
    app.router.add_get("/{path:.*}", handle)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/"), asked


def pointing_to(base: str) -> HookSettings:
    credentials = Credentials(key=f"whsec_{SECRET}", api_key="re_secret", api_base=base)
    return HookSettings(provider="resend", credentials=credentials)


async def test_a_mail_that_the_webhook_only_points_to_is_fetched_whole() -> None:
    def answer(request: web.Request) -> web.Response:
        if request.path == "/raw":
            return web.Response(body=b"Subject: hi\r\n\r\nwhole")
        return web.json_response({"id": "e-1", "raw": {"download_url": str(request.url.with_path("/raw"))}})

    house = House()
    async with resend(answer) as (base, asked), listening(house, pointing_to(base)) as post:
        assert await post(RECEIVED, signed(RECEIVED)) == 200
    (message,) = house.arrivals
    assert isinstance(message, InboundMessage)
    assert message.raw == b"Subject: hi\r\n\r\nwhole"
    assert [request.path for request in asked] == ["/emails/receiving/e-1", "/raw"]
    assert [request.headers.get("Authorization") for request in asked] == ["Bearer re_secret", None]


async def test_a_mail_that_cannot_be_fetched_now_is_to_come_again() -> None:
    house = House()
    async with (
        resend(lambda _: web.Response(status=500)) as (base, _),
        listening(house, pointing_to(base)) as post,
    ):
        assert await post(RECEIVED, signed(RECEIVED)) == 503
    assert house.arrivals == []


async def test_a_secret_is_not_carried_to_where_a_redirect_leads() -> None:
    house = House()

    def redirect(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": str(request.url.with_path("/elsewhere"))})

    async with resend(redirect) as (base, asked), listening(house, pointing_to(base)) as post:
        assert await post(RECEIVED, signed(RECEIVED)) == 503
    assert [request.path for request in asked] == ["/emails/receiving/e-1"]
