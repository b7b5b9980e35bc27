"""`[[sms]]`: phone numbers, each at a provider of text messages and a channel with a name of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final

import phonenumbers
from pydantic import AfterValidator, Field, SecretStr

from channels.sms.providers import PROVIDERS, SIGNS_WITH_TOKEN
from channels.sms.settings import SEGMENT_LIMIT, SmsSettings
from gateway.sections import Section
from gateway.settings_mail import ChannelName
from gateway.settings_sources import Mistake
from gateway.settings_values import HttpUrl, Seconds, mistake

SECRETS: Final = ("token", "signing_secret", "webhook_secret")
"""Keys that may stand in a file of their own, as `<key>_file`."""


def _provider(value: str) -> str:
    if value not in PROVIDERS:
        raise mistake(f"is {value!r}", f"choose from {', '.join(PROVIDERS)}")
    return value


def _region(value: str) -> str:
    if value not in phonenumbers.SUPPORTED_REGIONS:
        raise mistake(f"is {value!r} and no country", "write its two capital letters, such as CN or US")
    return value


def _regions(value: Mapping[str, Decimal]) -> Mapping[str, Decimal]:
    for region in value:
        if region != "*":
            _region(region)
    return value


def _webhook_secret(value: SecretStr) -> SecretStr:
    secret = value.get_secret_value()
    if len(secret) < 16 or not all(each.isascii() and (each.isalnum() or each in "-_") for each in secret):
        raise mistake(
            "cannot be part of an address that nobody guesses",
            "use 16 or more letters, digits, - and _; `openssl rand -hex 32` makes a good one",
        )
    return value


Region = Annotated[str, AfterValidator(_region)]


class SmsPrices(Section):
    """`[sms.prices]`: what a segment costs."""

    currency: str = Field(pattern=r"^[A-Z]{3}$", description="three letters, such as USD or CNY")
    per_segment: Annotated[Mapping[str, Annotated[Decimal, Field(ge=0)]], AfterValidator(_regions)] = Field(
        description='prices by country, such as { CN = "0.045", "*" = "0.08" }'
    )


class Number(Section):
    """One number, short code or sender's name."""

    name: ChannelName = Field(default="sms", description="the channel's name: small letters, digits and -")
    provider: Annotated[str, AfterValidator(_provider)] = Field(description=f"one of {', '.join(PROVIDERS)}")
    sender: str = Field(
        default="", max_length=64, description="what people see: a number as +8613800138000, a short code or a name"
    )
    account: str = Field(default="", description="account id, user name or key id, as docs/sms.md says for each")
    token: SecretStr | None = Field(default=None, description="auth token, API key or password")
    token_file: Path | None = Field(default=None, description="a file with the token in it")
    signing_secret: SecretStr | None = Field(default=None, description="what the provider signs its webhooks with")
    signing_secret_file: Path | None = Field(default=None, description="a file with the signing secret in it")
    webhook_secret: Annotated[SecretStr, AfterValidator(_webhook_secret)] | None = Field(
        default=None, description="part of our webhooks' address, where the provider signs nothing"
    )
    webhook_secret_file: Path | None = Field(default=None, description="a file with the webhook secret in it")
    region: Region | None = Field(
        default=None, description="country of numbers without a country code, such as CN or US"
    )
    callback_url: HttpUrl | None = Field(
        default=None, description="how the provider reaches this server, where that is not server.public_url"
    )
    api_base: HttpUrl | None = Field(default=None, description="the provider's address, where it is not the usual one")
    options: Mapping[str, str] = Field(default={}, description="what only this provider asks for, under [sms.options]")
    timeout: Seconds = Field(default=20.0, description="seconds to wait for the provider")
    segments_per_second: float = Field(
        default=1.0, gt=0, le=10_000, description="segments that may leave a second, as the provider allows"
    )
    max_segments: int = Field(
        default=SEGMENT_LIMIT, ge=1, le=255, description="segments of one text; longer ones leave as several, 1 to 255"
    )
    transliterate: bool = Field(
        default=False, description="true: curly quotes and dashes become plain where they alone make a text dear"
    )
    max_body_bytes: int = Field(
        default=262_144, ge=1024, le=10_485_760, description="bytes of a webhook's body that are taken"
    )
    replay_seconds: Seconds = Field(default=300.0, description="seconds after which a signed webhook is too old")
    forged_per_hour: int = Field(
        default=60, ge=0, le=100_000, description="forged requests an hour that are kept on record; the rest is counted"
    )
    prices: SmsPrices | None = Field(default=None, description="keys under [sms.prices]")


def contradictions(numbers: Sequence[Number], taken: Iterable[str]) -> Iterable[Mistake]:
    """Numbers whose keys are right each by itself and wrong together; `taken` are other channels' names."""
    names = set(taken)
    for at, number in enumerate(numbers):
        key = f"sms.{at}"
        if number.name in names:
            yield Mistake(key=f"{key}.name", what=f"is {number.name}, as another's", right="name each number otherwise")
        names.add(number.name)
        files = list(_two_places(key, number))
        yield from files
        if not files:
            yield from _missing(key, bare_settings(number))


def _missing(key: str, settings: SmsSettings) -> Iterable[Mistake]:
    missing = PROVIDERS[settings.provider](settings).missing()
    for name in missing:
        yield Mistake(key=f"{key}.{name}", what="is missing", right=f"{settings.provider} needs it; see docs/sms.md")
    proof = settings.provider in SIGNS_WITH_TOKEN or settings.signing_secret or settings.webhook_secret
    if not proof and "webhook_secret" not in missing:
        yield Mistake(
            key=f"{key}.webhook_secret",
            what="is missing, and without it nobody can bring us texts",
            right="set 16 or more letters and digits; `openssl rand -hex 32` makes a good one",
        )


def _two_places(key: str, number: Number) -> Iterable[Mistake]:
    """A secret that stands here and in a file, and a file that cannot be read."""
    for name in SECRETS:
        file: object = getattr(number, f"{name}_file")
        if not isinstance(file, Path):
            continue
        if getattr(number, name) is not None:
            yield Mistake(key=f"{key}.{name}", what="stands here and in a file", right="keep one of them")
        elif not _readable(file):
            yield Mistake(
                key=f"{key}.{name}_file", what=f"names {file}, which cannot be read", right="name a readable file"
            )


def _readable(file: Path) -> bool:
    try:
        return bool(file.read_text("utf-8").strip())
    except (OSError, UnicodeDecodeError):
        return False


def bare_settings(number: Number) -> SmsSettings:
    """Who we are at the provider, as its file takes it. Raises OSError for a file that has gone since the start."""
    return SmsSettings(
        provider=number.provider,
        name=number.name,
        sender=number.sender,
        account=number.account,
        token=_secret(number, "token"),
        signing_secret=_secret(number, "signing_secret"),
        webhook_secret=_secret(number, "webhook_secret"),
        region=number.region,
        api_base=number.api_base,
        options=dict(number.options),
    )


def _secret(number: Number, name: str) -> str:
    value: object = getattr(number, name)
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    file: object = getattr(number, f"{name}_file")
    return file.read_text("utf-8").strip() if isinstance(file, Path) else ""
