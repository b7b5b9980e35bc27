"""Who gets in, and into what: visitors, customers whom the business signed, and pages of other sites."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import WSServerHandshakeError

from channels.webchat.frames import Refused
from channels.webchat.identity import Signer, Visitor
from tests.channels.webchat_shop import Shop, bearer, open_shop, settings
from tests.clock import FrozenClock

IDENTITY_KEY = b"shared with the shop's own backend"
SHOP_PAGE = "https://shop.example"
NOW = 1_800_000_000


@pytest.fixture
async def shop(tmp_path: Path, clock: FrozenClock) -> AsyncGenerator[Shop]:
    async with open_shop(tmp_path, clock, identity_key=IDENTITY_KEY, allowed_origins=(SHOP_PAGE,)) as shop:
        yield shop


def signed(claims: dict[str, Any], *, key: bytes = IDENTITY_KEY, alg: str = "HS256") -> str:
    def part(value: bytes) -> str:
        return urlsafe_b64encode(value).rstrip(b"=").decode()

    body = f"{part(orjson.dumps({'alg': alg, 'typ': 'JWT'}))}.{part(orjson.dumps(claims))}"
    return f"{body}.{part(hmac.digest(key, body.encode(), 'sha256'))}"


def altered(token: str, at: int) -> str:
    return token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]


async def test_a_token_altered_anywhere_opens_nothing() -> None:
    signer = Signer(settings())
    token = signer.issue(Visitor(id="a" * 32, issued_at=NOW))
    assert signer.visitor(token, NOW).id == "a" * 32
    for at in range(len(token) - 1):
        with pytest.raises(Refused):
            signer.visitor(altered(token, at), NOW)


@pytest.mark.parametrize("token", ["", ".", "a.b", "é.ü", "\ud800.x", "e30.e30", "null", "=" * 500])
async def test_nonsense_is_no_token(token: str) -> None:
    signer = Signer(settings(identity_key=IDENTITY_KEY))
    with pytest.raises(Refused):
        signer.visitor(token, NOW)
    with pytest.raises(Refused):
        signer.identify(token, NOW)


async def test_a_token_of_another_gateway_opens_nothing(shop: Shop) -> None:
    foreign = Signer(settings(secret=b"another gateway, another secret.")).issue(
        Visitor(id="a" * 32, issued_at=int(shop.clock.now().timestamp()))
    )
    async with shop.dial() as socket:
        await socket.say(type="hello", token=foreign)
        refused = await socket.hear()
        assert refused["code"] == "unauthorized"
        assert await socket.close_code() == 4401
    assert (await shop.send(foreign, {"type": "ping"}))[0] == 401
    async with shop.session.get(shop.url("/poll"), headers=bearer(foreign)) as response:
        assert response.status == 401
    async with shop.session.post(shop.url("/upload"), data=b"x", headers=bearer(foreign)) as response:
        assert response.status == 401


async def test_an_upload_reference_or_file_link_is_no_visitor_token(shop: Shop) -> None:
    visitor = await shop.visit()
    _, upload = await shop.upload(visitor["token"], b"some text", "note.txt")
    assert (await shop.send(upload["id"], {"type": "ping"}))[0] == 401


async def test_a_visitor_is_known_for_months_and_gets_a_fresh_token_in_time(shop: Shop) -> None:
    visitor = await shop.visit()
    shop.clock.advance(timedelta(days=201))
    async with shop.dial() as socket:
        fresh = (await socket.hello(visitor["token"]))["token"]
    shop.clock.advance(timedelta(days=200))
    assert (await shop.send(visitor["token"], {"type": "ping"}))[0] == 401
    async with shop.dial() as socket:
        assert (await socket.hello(fresh))["visitor"] == visitor["visitor"]


async def test_a_visitor_sees_only_their_own_stream(shop: Shop) -> None:
    ann, ben = await shop.visit(), await shop.visit()
    shop.port.say(f"webchat:{ann['visitor']}", "for Ann alone")
    async with shop.dial() as socket:
        await socket.hello(ben["token"], after=0)
        await socket.silence()
        await socket.say(type="earlier", before=1 << 60)
        assert (await socket.hear())["messages"] == []
    assert await shop.poll(ben["token"], after=0) == []


async def test_nobody_can_occupy_or_see_through_the_message_ids_of_others(shop: Shop) -> None:
    ann, ben = await shop.visit(), await shop.visit()
    _, [first] = await shop.send(ann["token"], {"type": "message", "id": "1", "text": "from Ann"})
    _, [second] = await shop.send(ben["token"], {"type": "message", "id": "1", "text": "from Ben"})
    assert first["position"] != second["position"]
    assert [message.text for message in shop.port.inbound] == ["from Ann", "from Ben"]


async def test_the_same_customer_of_the_business_is_the_same_visitor_everywhere(shop: Shop) -> None:
    now = int(shop.clock.now().timestamp())
    claims = {
        "sub": "10042",
        "iat": now,
        "name": "陈小姐",
        "email": "Chen@Example.com",
        "phone_number": "+8613800000000",
    }
    phone, laptop = await shop.visit(identity=signed(claims)), await shop.visit(identity=signed(claims))
    assert phone["visitor"] == laptop["visitor"]
    assert phone["identified"] is True
    await shop.send(phone["token"], {"type": "message", "id": "m", "text": "hi"})
    [message] = shop.port.inbound
    assert message.name == "陈小姐"
    assert message.proven == ("mailto:chen@example.com", "tel:+8613800000000", "customer:10042")


async def test_addresses_that_the_business_itself_doubts_prove_nothing(shop: Shop) -> None:
    claims = {"sub": "7", "iat": int(shop.clock.now().timestamp()), "email": "a@b.example", "email_verified": False}
    visitor = await shop.visit(identity=signed(claims))
    await shop.send(visitor["token"], {"type": "message", "id": "m", "text": "hi"})
    assert shop.port.inbound[0].proven == ("customer:7",)


async def test_a_proven_identity_does_not_outlive_its_day(shop: Shop) -> None:
    visitor = await shop.visit(identity=signed({"sub": "7", "iat": int(shop.clock.now().timestamp())}))
    shop.clock.advance(timedelta(days=1, seconds=1))
    assert (await shop.send(visitor["token"], {"type": "ping"}))[0] == 401


@pytest.mark.parametrize(
    ("claims", "changes"),
    [
        ({"sub": "7", "iat": NOW}, {"key": b"a key that somebody just made up."}),
        ({"sub": "7", "iat": NOW}, {"alg": "none"}),
        ({"sub": "7", "iat": NOW}, {"alg": "RS256"}),
        ({"sub": "7", "iat": NOW - 2 * 86_400}, {}),
        ({"sub": "7", "iat": NOW + 3_600}, {}),
        ({"sub": "7", "iat": NOW, "exp": NOW - 1}, {}),
        ({"sub": "7"}, {}),
        ({"sub": "", "iat": NOW}, {}),
        ({"sub": 7, "iat": NOW}, {}),
        ({"iat": NOW}, {}),
    ],
    ids=[
        "wrong key",
        "no algorithm",
        "other algorithm",
        "old",
        "future",
        "expired",
        "undated",
        "empty",
        "number",
        "no",
    ],
)
def test_an_identity_that_the_business_did_not_sign_now_is_refused(
    claims: dict[str, Any], changes: dict[str, Any]
) -> None:
    signer = Signer(settings(identity_key=IDENTITY_KEY))
    with pytest.raises(Refused):
        signer.identify(signed(claims, **changes), NOW)


async def test_identities_are_refused_where_no_key_is_configured() -> None:
    with pytest.raises(Refused):
        Signer(settings()).identify(signed({"sub": "7", "iat": NOW}), NOW)


@pytest.mark.parametrize("secret", [b"", b"short"])
def test_a_secret_that_can_be_guessed_is_refused(secret: bytes) -> None:
    with pytest.raises(ValueError, match="secret"):
        settings(secret=secret)


def test_secrets_do_not_show_when_settings_are_printed() -> None:
    shown = repr(settings(identity_key=IDENTITY_KEY))
    assert "only good for tests" not in shown
    assert "backend" not in shown


async def test_pages_of_other_sites_are_kept_out_and_those_on_the_list_let_in(shop: Shop) -> None:
    visitor = await shop.visit()
    for origin in ("https://evil.example", "https://shop.example.evil.example", "null", "http://shop.example"):
        async with shop.session.post(shop.url("/visit"), headers={"Origin": origin}) as response:
            assert response.status == 403
            assert "Access-Control-Allow-Origin" not in response.headers
        with pytest.raises(WSServerHandshakeError) as refused:
            await shop.session.ws_connect(shop.url("/socket"), headers={"Origin": origin})
        assert refused.value.status == 403
    async with shop.session.post(shop.url("/visit"), headers={"Origin": SHOP_PAGE}) as response:
        assert response.status == 200
        assert response.headers["Access-Control-Allow-Origin"] == SHOP_PAGE
    async with shop.dial({"Origin": SHOP_PAGE}) as socket:
        assert (await socket.hello(visitor["token"]))["type"] == "welcome"
    own = str(shop.server.make_url("/")).rstrip("/")
    async with shop.dial({"Origin": own}) as socket:
        assert (await socket.hello(visitor["token"]))["type"] == "welcome"


async def test_an_embedding_page_may_read_answers_and_errors(shop: Shop) -> None:
    async with shop.session.options(
        shop.url("/send"), headers={"Origin": SHOP_PAGE, "Access-Control-Request-Method": "POST"}
    ) as response:
        assert response.status == 204
        assert response.headers["Access-Control-Allow-Origin"] == SHOP_PAGE
        assert "Authorization" in response.headers["Access-Control-Allow-Headers"]
    async with shop.session.post(shop.url("/send"), headers={"Origin": SHOP_PAGE}) as response:
        assert response.status == 401
        assert response.headers["Access-Control-Allow-Origin"] == SHOP_PAGE
    async with shop.session.options(shop.url("/send"), headers={"Origin": "https://evil.example"}) as response:
        assert response.status == 403
