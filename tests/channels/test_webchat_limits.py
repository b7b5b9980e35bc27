"""Too fast, too much, too long, and not what the protocol says: each gets a clear answer, and the server stays up."""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from channels.webchat.channel import Rate
from channels.webchat.frames import ClientFrame, ErrorCode, Refused, parse
from channels.webchat.origin import Door
from channels.webchat.rates import Allowance
from channels.webchat.sentences import SENTENCES, sentence, spoken
from tests.channels.webchat_shop import Shop, open_shop, settings, until
from tests.clock import FrozenClock


@pytest.fixture
async def shop(tmp_path: Path, clock: FrozenClock) -> AsyncGenerator[Shop]:
    async with open_shop(tmp_path, clock) as shop:
        yield shop


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("not json", "bad_json"),
        ("[" * 5000, "bad_json"),
        ("[1]", "bad_frame"),
        ('{"type":"dance"}', "unknown_type"),
        ('{"type":["message"]}', "unknown_type"),
        ('{"type":"message","text":"no id"}', "bad_frame"),
        ('{"type":"message","id":"with space","text":"x"}', "bad_frame"),
        ('{"type":"message","id":"m","text":7}', "bad_frame"),
        ('{"type":"message","id":"m","text":"  \\n "}', "empty"),
        ('{"type":"message","id":"m"}', "empty"),
        ('{"type":"message","id":"m","attachments":[{"sha256":"00"}]}', "bad_frame"),
        ('{"type":"message","id":"m","attachments":["00ff.00ff"]}', "bad_attachment"),
        ('{"type":"message","id":"m","text":"x","reply_to":-1}', "bad_frame"),
        ('{"type":"press","id":"m"}', "bad_frame"),
        ('{"type":"delivered","positions":[true]}', "bad_frame"),
        ('{"type":"delivered","positions":[1e99]}', "bad_frame"),
        ('{"type":"earlier"}', "bad_frame"),
        ('{"type":"hello","token":"again"}', "bad_frame"),
    ],
)
async def test_what_the_protocol_does_not_know_is_answered_and_the_connection_stays(
    shop: Shop, sent: str, code: str
) -> None:
    visitor = await shop.visit()
    async with shop.dial() as socket:
        await socket.hello(visitor["token"], language="zh-CN")
        await socket.wire.send_str(sent)
        refused = await socket.hear()
        assert refused["code"] == code
        assert refused["sentence"] == sentence(ErrorCode(code), "zh-Hans")
        await socket.silence()


async def test_binary_frames_are_refused_and_the_connection_stays(shop: Shop) -> None:
    visitor = await shop.visit()
    async with shop.dial() as socket:
        await socket.hello(visitor["token"])
        await socket.wire.send_bytes(b'{"type":"ping"}')
        assert (await socket.hear())["code"] == "binary"
        await socket.silence()


async def test_a_socket_begins_with_hello(shop: Shop) -> None:
    async with shop.dial() as socket:
        await socket.say(type="ping")
        assert (await socket.hear())["code"] == "hello_first"
        assert await socket.close_code() == 4408


async def test_a_message_of_100000_characters_is_refused_and_leaves_a_record(shop: Shop) -> None:
    visitor = await shop.visit()
    async with shop.dial() as socket:
        await socket.hello(visitor["token"])
        frame = orjson.dumps({"type": "message", "id": "long", "text": "长" * 100_000})
        await socket.wire.send_str(frame.decode())
        refused = await socket.hear()
        assert (refused["code"], refused["id"]) == ("too_long", "long")
        await socket.write("next", "short")
        assert (await socket.hear())["type"] == "accepted"
    [refusal] = shop.port.refusals
    assert (refusal.reason, refusal.size) == ("too_long", len(frame))
    assert refusal.sha256 == hashlib.sha256(frame).hexdigest()
    assert refusal.headers["Visitor"] == f"webchat:{visitor['visitor']}"


async def test_a_message_as_long_as_the_limit_is_taken(shop: Shop) -> None:
    visitor = await shop.visit()
    status, _ = await shop.send(visitor["token"], {"type": "message", "id": "m", "text": "长" * 20_000})
    assert status == 200


async def test_a_frame_beyond_all_bounds_ends_the_connection_and_leaves_a_record(shop: Shop) -> None:
    visitor = await shop.visit()
    async with shop.dial() as socket:
        await socket.hello(visitor["token"])
        await socket.write("huge", "x" * (1 << 20))
        assert await socket.close_code() == 1009
    await until(lambda: shop.port.refusals)
    assert shop.port.refusals[0].reason == "too_large"


@pytest.mark.parametrize("size", [(1 << 20) + 50, 9 << 20], ids=["a little", "beyond what is hashed"])
async def test_a_body_beyond_all_bounds_is_answered_when_it_is_on_record(shop: Shop, size: int) -> None:
    visitor = await shop.visit()
    body = b"x" * size
    status, [refused] = await shop.send_bytes(visitor["token"], body)
    assert (status, refused["code"]) == (413, "too_large")
    [refusal] = shop.port.refusals
    assert (refusal.reason, refusal.size) == ("too_large", size)
    assert refusal.sha256 == hashlib.sha256(body[: 8 << 20]).hexdigest()
    assert refusal.headers["Content-Length"] == str(size)
    assert refusal.headers["Visitor"] == f"webchat:{visitor['visitor']}"


async def test_what_is_too_large_is_not_refused_for_good_before_that_can_be_recorded(shop: Shop) -> None:
    visitor = await shop.visit()
    shop.port.failures = 2
    for body in (b"x" * (2 << 20), orjson.dumps({"type": "message", "id": "m", "text": "x" * 20_001})):
        status, [refused] = await shop.send_bytes(visitor["token"], body)
        assert (status, refused["code"]) == (503, "unavailable")
        assert shop.port.refusals == []
    for body in (b"x" * (2 << 20), orjson.dumps({"type": "message", "id": "m", "text": "x" * 20_001})):
        assert (await shop.send_bytes(visitor["token"], body))[0] == 413
    assert [refusal.reason for refusal in shop.port.refusals] == ["too_large", "too_long"]


async def test_an_upload_that_is_too_large_is_on_record_with_its_hash(tmp_path: Path, clock: FrozenClock) -> None:
    async with open_shop(tmp_path, clock, upload_limit=1000) as shop:
        visitor = await shop.visit()
        content = b"y" * 5000
        assert (await shop.upload(visitor["token"], content))[0] == 413
        [refusal] = shop.port.refusals
        assert (refusal.size, refusal.sha256) == (5000, hashlib.sha256(content).hexdigest())


async def test_a_socket_hears_that_something_is_too_long_when_that_is_recorded(shop: Shop) -> None:
    visitor = await shop.visit()
    async with shop.dial() as socket:
        await socket.hello(visitor["token"])
        shop.port.gate = asyncio.Event()
        await socket.write("long", "x" * 20_001)
        await socket.silence()
        shop.port.gate.set()
        assert (await socket.hear())["code"] == "too_long"
    assert len(shop.port.refusals) == 1


async def test_nul_bytes_and_lone_surrogates_do_not_reach_the_house(shop: Shop) -> None:
    visitor = await shop.visit()
    async with shop.dial() as socket:
        await socket.hello(visitor["token"])
        await socket.wire.send_str('{"type":"message","id":"m","text":"a\\u0000b\\ud800c \\ud83d\\ude00"}')
        assert (await socket.hear())["type"] == "accepted"
    [message] = shop.port.inbound
    assert message.text == "ab\ufffdc 😀"
    assert b"\\ud800" in message.raw


@given(st.one_of(st.binary(max_size=200), st.text().map(lambda text: text.encode("utf-8", "surrogatepass"))))
def test_whatever_bytes_arrive_are_a_frame_or_a_refusal(raw: bytes) -> None:
    with suppress(Refused):
        assert isinstance(parse(raw), ClientFrame)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KINDS = st.sampled_from(["hello", "message", "press", "delivered", "earlier", "typing", "ping"])
FIELDS = st.sampled_from(["id", "text", "attachments", "reply_to", "value", "positions", "before", "token", "start"])


@given(KINDS, st.dictionaries(FIELDS, JSON))
def test_whatever_fields_a_frame_has_it_is_understood_or_refused(kind: str, fields: dict[str, object]) -> None:
    try:
        raw = orjson.dumps({**fields, "type": kind}, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:
        return  # integers beyond 64 bits and lone surrogates do not exist in this JSON
    with suppress(Refused):
        assert type(parse(raw)).__name__ == {"message": "Write"}.get(kind, kind.title())


async def test_somebody_too_fast_is_told_when_to_go_on(tmp_path: Path, clock: FrozenClock) -> None:
    async with open_shop(tmp_path, clock, visitor_rate=Rate(per_second=1, burst=4)) as shop:
        visitor = await shop.visit()
        async with shop.dial() as socket:
            await socket.hello(visitor["token"])
            for number in range(4):
                await socket.write(f"m{number}", "x")
            answers = await socket.hear_all(4)
            refused = next(answer for answer in answers if answer["type"] == "error")
            assert (refused["code"], refused["id"], refused["retry_after"]) == ("too_many", "m3", 1.0)
            clock.advance(1)
            await socket.write("m3", "x")
            assert (await socket.hear())["type"] == "accepted"
        assert len(shop.port.inbound) == 4


async def test_one_visitor_too_fast_does_not_slow_another(tmp_path: Path, clock: FrozenClock) -> None:
    async with open_shop(tmp_path, clock, visitor_rate=Rate(per_second=1, burst=1)) as shop:
        ann, ben = await shop.visit(), await shop.visit()
        for token, expected in ((ann["token"], 200), (ann["token"], 429), (ben["token"], 200)):
            status, _ = await shop.send(token, {"type": "message", "id": str(expected), "text": "x"})
            assert status == expected


async def test_many_visitors_from_one_address_share_its_allowance(tmp_path: Path, clock: FrozenClock) -> None:
    async with open_shop(tmp_path, clock, visit_rate=Rate(per_second=0.1, burst=3)) as shop:
        for _ in range(3):
            await shop.visit()
        async with shop.session.post(shop.url("/visit")) as response:
            assert response.status == 429
            assert response.headers["Retry-After"] == "11"


async def test_who_goes_on_and_on_after_being_told_to_wait_is_cut_off(tmp_path: Path, clock: FrozenClock) -> None:
    async with open_shop(tmp_path, clock, visitor_rate=Rate(per_second=1, burst=1)) as shop:
        visitor = await shop.visit()
        async with shop.dial() as socket:
            await socket.hello(visitor["token"])
            for number in range(102):
                await socket.write(f"m{number}", "x")
            assert await socket.close_code() == 1008


async def test_a_visitor_has_a_bounded_number_of_sockets(tmp_path: Path, clock: FrozenClock) -> None:
    async with open_shop(tmp_path, clock, sockets_per_visitor=1) as shop:
        visitor = await shop.visit()
        async with shop.dial() as first, shop.dial() as second:
            await first.hello(visitor["token"])
            assert (await second.hello(visitor["token"]))["code"] == "too_many_sockets"
            assert await second.close_code() == 1013
            await first.silence()


def test_an_allowance_refills_with_time_and_never_beyond_its_burst() -> None:
    allowance = Allowance(Rate(per_second=2, burst=3))
    assert [allowance.take("a", 10.0) for _ in range(3)] == [0, 0, 0]
    assert math.isclose(allowance.take("a", 10.0), 0.5)
    assert allowance.take("a", 10.5) == 0
    assert [allowance.take("a", 1000.0) == 0 for _ in range(4)] == [True, True, True, False]


def test_allowances_stay_small_however_many_strangers_come() -> None:
    allowance = Allowance(Rate(per_second=1, burst=1), capacity=100)
    for number in range(1000):
        allowance.take(f"stranger {number}", 10.0)
    assert len(allowance) <= 100


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),
        ("10.0.0.2", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.2", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.2", "198.51.100.1, 10.0.0.9", "198.51.100.1"),
        ("10.0.0.2", "", "10.0.0.2"),
        ("2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::"),
        ("::ffff:203.0.113.7", "", "203.0.113.7"),
    ],
)
def test_a_forwarded_address_counts_only_behind_a_trusted_proxy(peer: str, forwarded: str, client: str) -> None:
    door = Door(settings(trusted_proxies=("10.0.0.0/8",)))
    request: web.Request = make_mocked_request("GET", "/", headers={"X-Forwarded-For": forwarded})
    assert door.client(request.clone(remote=peer)) == client


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("zh-TW,zh;q=0.9,en;q=0.8", "zh-Hant"),
        ("zh-HK", "zh-Hant"),
        ("zh_Hant", "zh-Hant"),
        ("zh-Hans-HK", "zh-Hans"),
        ("zh", "zh-Hans"),
        ("de-DE", "en"),
        ("", "en"),
        (None, "en"),
    ],
)
def test_a_language_tag_chooses_the_language_of_the_answers(tag: str | None, language: str) -> None:
    assert spoken(tag) == language


def test_every_refusal_has_a_sentence_in_every_language() -> None:
    assert set(SENTENCES) == set(ErrorCode)
    assert all(all(words) and words[1] != words[0] for words in SENTENCES.values())
