"""What one number (or sender name) at one provider needs to be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from channels.protocol import Limits
from channels.unproven import PER_HOUR

SEGMENT_LIMIT: Final = 10
"""Segments of one text: operators join up to 255, but phones and people give up long before, and each is billed."""
LIMITS: Final = Limits(text=1530, per_second=1, per_address=1, burst=SEGMENT_LIMIT, concurrency=64, keywords=True)
"""`text` is ten segments of GSM 03.38; `per_second` counts segments: an ordinary long number may send one a second
(https://www.twilio.com/docs/messaging/guides/message-queueing)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Prices:
    """What a segment costs, by where it goes."""

    currency: str
    """ISO 4217."""
    per_segment: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    """By region of the number (`CN`, `US`); `*` for all others."""

    def of(self, region: str | None) -> Decimal | None:
        """None: nobody said."""
        return self.per_segment.get(region or "*", self.per_segment.get("*"))


@dataclass(frozen=True, kw_only=True, slots=True)
class SmsSettings:
    """One number at one provider. What the provider calls each credential, its own file says."""

    provider: str
    """A name in `channels.sms.providers.PROVIDERS`."""
    name: str = "sms"
    """Of the channel."""
    sender: str = ""
    """What we write from: a number in E.164, a short code, a name, or a provider's sending service."""
    account: str = ""
    """Account id, user name or key id: who we are to the provider."""
    token: str = field(default="", repr=False)
    """Auth token, API key or password."""
    signing_secret: str = field(default="", repr=False)
    """What webhooks are signed with, where that is not `token`."""
    webhook_secret: str = field(default="", repr=False)
    """Part of our webhooks' address, for providers that sign nothing: who knows it is the provider."""
    region: str | None = None
    """ISO 3166 country in which numbers without a country code are read, e.g. `CN`."""
    public_url: str = ""
    """How the world reaches this server, e.g. `https://chat.example.com`; empty: nobody can call us."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks whose `X-Forwarded-Proto` and `X-Forwarded-Host` we believe."""
    api_base: str | None = None
    """The provider's address; None: its usual one."""
    options: Mapping[str, str] = field(default_factory=dict[str, str])
    """What only this provider asks for, by the names in its file."""
    timeout: float = 20.0
    """Seconds for a call to the provider."""
    segment_limit: int = SEGMENT_LIMIT
    """Segments that one text may have; a longer one is parted between sentences."""
    transliterate: bool = False
    """Whether characters that alone force UCS-2 (curly quotes, dashes) give way to plain ones."""
    body_limit: int = 256 * 1024
    """Bytes of a webhook's body."""
    replay_window: float = 300.0
    """Seconds after which a signed webhook that says its time is too old to be believed."""
    forged_per_hour: int = PER_HOUR
    """Forged requests that leave a Refusal; who sends more of them cannot fill the disk."""
    prices: Prices | None = None
    limits: Limits = LIMITS
