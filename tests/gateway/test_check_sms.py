"""`rapport check` asks each number's provider who we are, and says what is wrong without a secret."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.check import Level, check_sms
from gateway.settings import Settings
from tests.ports import free_port

TOKEN = "f" * 32


def settings(api_base: str) -> Settings:
    number = {
        "provider": "twilio",
        "sender": "+12065551234",
        "account": "AC0123456789abcdef0123456789abcdef",
        "token": TOKEN,
        "api_base": api_base,
        "callback_url": "https://chat.shop.example",
    }
    return Settings.model_validate({"sms": [number]})


async def test_a_provider_that_is_not_there_is_not_said_to_refuse_us() -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    (found, _) = await check_sms(settings(nowhere))
    assert found.level is Level.MISTAKE
    assert found.sentence == f"twilio cannot be reached at {nowhere}; see api_base: Connection refused."


@pytest.mark.parametrize(
    ("status", "level", "words"),
    [
        (200, Level.FINE, "Texts leave as +12065551234 at twilio."),
        (401, Level.MISTAKE, "twilio refuses account or token of +12065551234: 401."),
        (400, Level.MISTAKE, "twilio does not know +12065551234: 400."),
    ],
)
async def test_what_the_provider_says_of_us_is_told(status: int, level: Level, words: str) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response({}, status=status)

    app = web.Application()
    app.router.add_get("/{rest:.*}", answer)
    async with TestServer(app) as server:
        (found, _) = await check_sms(settings(str(server.make_url(""))))
    assert (found.level, found.sentence) == (level, words)
    assert TOKEN not in found.sentence


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"callback_url": "https://chat.shop.example/"},
            "Enter at twilio: https://chat.shop.example/sms/shop/inbound for texts,"
            " https://chat.shop.example/sms/shop/status for reports.",
        ),
        (
            {"webhook_secret": TOKEN},
            "Enter at twilio: https://chat.shop.example/sms/shop/<webhook_secret>/inbound for texts,"
            " https://chat.shop.example/sms/shop/<webhook_secret>/status for reports,"
            " with your own in place of <webhook_secret>.",
        ),
        (
            {"callback_url": None},
            "Without server.public_url or callback_url nobody can bring us texts and reports.",
        ),
    ],
)
async def test_what_is_to_be_entered_at_the_provider_is_told(changes: dict[str, str | None], sentence: str) -> None:
    given = settings(f"http://127.0.0.1:{free_port()}").model_dump()["sms"][0]
    (_, found) = await check_sms(Settings.model_validate({"sms": [given | {"name": "shop"} | changes]}))
    assert found.sentence == sentence
