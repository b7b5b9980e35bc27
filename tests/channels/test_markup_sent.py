"""Emphasis on its way: each channel says it in its own manner, or in plain words."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson

from channels import markup
from channels.envelope import OutboundMessage
from channels.mail.composing import Composer, Sender
from channels.mail.message import parse
from channels.protocol import HistoryEntry
from channels.sms.channel import Sms
from channels.sms.providers import PROVIDERS
from channels.sms.settings import Prices, SmsSettings
from channels.telegram.entities import Said
from channels.webchat import frames

SOURCE = "Hello 😀 **Ann**, see [the *terms*](https://shop.example/t?a=1&b=2).\n- <b>one</b>"
AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def message(source: str, address: str = "telegram:42") -> OutboundMessage:
    return OutboundMessage(channel="any", address=address, text=markup.plain(source), key="d1", markup=source)


def pointed(said: Said) -> list[tuple[str, str]]:
    """What each entity points at, read back in UTF-16 as Telegram does."""
    wide = said.text.encode("utf-16-le")
    return [
        (str(entity["type"]), wide[2 * at : 2 * (at + length)].decode("utf-16-le"))
        for entity in said.entities()
        if isinstance(at := entity["offset"], int) and isinstance(length := entity["length"], int)
    ]


def test_telegram_is_told_where_the_emphasis_is_behind_an_emoji_too() -> None:
    said = Said.of(message(SOURCE))
    assert said.text == "Hello 😀 Ann, see the terms.\n• <b>one</b>"
    assert pointed(said) == [("bold", "Ann"), ("text_link", "the "), ("italic", "terms"), ("text_link", "terms")]


def test_a_long_text_in_several_messages_is_emphasised_in_each() -> None:
    said = Said.of(
        message("**" + "字" * 1900 + "**" + "。" + "**" + "词" * 1900 + "，" + "end " * 23 + "end**" + "x" * 400)
    )
    parts = list(said.parts())
    assert len(parts) == 2
    found = [found for part in parts for found in pointed(part)]
    assert {kind for kind, _ in found} == {"bold"}
    assert "".join(words for _, words in found).replace(" ", "") == "字" * 1900 + "词" * 1900 + "，" + "end" * 24


def test_a_mail_has_it_in_html_and_where_a_link_leads_in_plain_words() -> None:
    composer = Composer(Sender(address="support@shop.example"), secret=b"s" * 32)
    mail = parse(composer.compose(message(SOURCE, "mailto:ann@example.org"), at=AT).content)
    assert mail.text == "Hello 😀 Ann, see the terms (https://shop.example/t?a=1&b=2).\n• <b>one</b>"
    assert mail.html is not None
    assert "<strong>Ann</strong>" in mail.html
    assert "<b>one</b>" not in mail.html


def test_the_chat_window_gets_runs_and_no_html() -> None:
    entry = HistoryEntry(
        id=1,
        inbound=False,
        author="agent",
        author_name="Ben",
        text=markup.plain(SOURCE),
        at=AT,
        external_id=None,
        status=None,
        markup="**Ann** [x](https://a.example/)",
    )
    sent: dict[str, Any] = orjson.loads(frames.message(entry, lambda attachment: ""))
    assert sent["rich"] == [
        {"text": "Ann", "styles": ["bold"]},
        {"text": " "},
        {"text": "x", "url": "https://a.example/"},
    ]


def test_a_text_message_is_weighed_with_what_makes_it_dear() -> None:
    settings = SmsSettings(
        provider="twilio", prices=Prices(currency="CNY", per_segment={"CN": Decimal("0.05"), "*": Decimal("0.4")})
    )
    sms = Sms(settings, PROVIDERS["twilio"](settings))
    plain = sms.weigh("Hello", "tel:+8613800138000")
    assert (plain.encoding, plain.units, plain.room, plain.forced_by, plain.cost) == (
        "GSM-7",
        1,
        155,
        (),
        Decimal("0.05"),
    )
    dear = sms.weigh("It’s " + "a" * 66, "tel:+442071838750")
    assert (dear.encoding, dear.units, dear.forced_by, dear.cost) == ("UCS-2", 2, ("’",), Decimal("0.8"))
    assert dear.room == 2 * 67 - 71
