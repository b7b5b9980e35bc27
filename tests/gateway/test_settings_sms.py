"""Numbers in the settings: what a person may write, and what they are told about it."""

from __future__ import annotations

import re
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest

from channels.sms.providers import PROVIDERS
from gateway.numbers import number_settings
from gateway.settings_sms import SECRETS, Number
from tests.gateway.settings_file import elsewhere, sentences, settings
from tests.given import CHECKOUT

__all__ = ["elsewhere"]

pytestmark = pytest.mark.usefixtures("elsewhere")

MINIMAL = """
[[sms]]
provider = "twilio"
sender = "+12065551234"
account = "AC1"
token = "geheim-geheim"
"""
OPERATOR = """
[[sms]]
name = "operator"
provider = "kannel"
account = "rapport"
token = "geheim-geheim"
webhook_secret = "geheim-geheim-geheim"
callback_url = "http://127.0.0.1:8080"
"""


def test_several_numbers_are_channels_with_names_of_their_own() -> None:
    found = settings(f'{MINIMAL}prices = {{ currency = "USD", per_segment = {{ CN = "0.045" }} }}\n{OPERATOR}').sms
    ours = [number_settings(each, public_url="https://chat.example.com") for each in found]
    assert [(each.name, each.public_url) for each in ours] == [
        ("sms", "https://chat.example.com"),
        ("operator", "http://127.0.0.1:8080"),
    ]
    assert ours[0].prices is not None
    assert ours[0].prices.of("CN") == Decimal("0.045")
    assert ours[0].prices.of("US") is None
    assert ours[0].limits.keywords
    assert "geheim" not in repr(found) + repr(ours)


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("from-a-file\n")
    (number,) = settings(MINIMAL.replace('token = "geheim-geheim"', f'token_file = "{file}"')).sms
    assert number_settings(number, public_url=None).token == "from-a-file"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (MINIMAL.replace("twilio", "pigeon"), "sms.provider (rapport.toml) is 'pigeon'; choose from africastalking,"),
        (MINIMAL.replace('account = "AC1"', ""), "sms.account is missing; twilio needs it"),
        (MINIMAL + 'region = "XX"\n', "sms.region (rapport.toml) is 'XX' and no country"),
        (MINIMAL + 'tokn = "x"\n', "sms.tokn (rapport.toml) is not a setting"),
        (MINIMAL + 'webhook_secret = "geheim"\n', "sms.webhook_secret (rapport.toml) cannot be part of an address"),
        (MINIMAL + 'token_file = "/nowhere"\n', "sms.token stands here and in a file; keep one of them."),
        (MINIMAL + MINIMAL, "name of sms, second entry is sms, as another's; name each number otherwise."),
        (MINIMAL.replace("twilio", "nexmo"), "sms.webhook_secret is missing, and without it nobody can bring us"),
        (MINIMAL + "max_segments = 0\n", "sms.max_segments (rapport.toml) is 0; it should be segments of one text"),
        (MINIMAL + 'prices = { currency = "USD", per_segment = { Mars = 1 } }\n', "sms.prices.per_segment"),
    ],
)
def test_what_is_wrong_with_a_number_is_told_in_a_sentence(text: str, sentence: str) -> None:
    assert any(each.startswith(sentence) for each in sentences(text)), sentences(text)


def test_the_example_shows_every_key_of_a_number_and_holds() -> None:
    example = (CHECKOUT / "rapport.example.toml").read_text("utf-8")
    block, _, _ = example[example.index("# [[sms]]") :].partition("\n\n")
    lines = [re.sub(r"^# ", "", line) for line in block.splitlines()]
    shown = tomllib.loads("\n".join(line for line in lines if not line.startswith("# ")))["sms"][0]
    Number.model_validate(shown)
    assert set(Number.model_fields) - set(SECRETS) == set(shown)


def test_the_operators_page_goes_through_every_provider() -> None:
    page = (CHECKOUT / "docs/sms.md").read_text("utf-8")
    assert [name for name in PROVIDERS if f"| `{name}`" not in page] == []


def test_every_key_of_a_number_says_in_words_what_would_be_right() -> None:
    assert [name for name, field in Number.model_fields.items() if not field.description] == []
