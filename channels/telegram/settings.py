"""What one bot needs to be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from channels.protocol import Limits

LIMITS: Final = Limits(
    text=4096,
    per_second=30,
    per_address=1,
    burst=3,
    buttons=24,
    pictures=True,
    markup=True,
    file_bytes=50 * 1024 * 1024,
)
"""Source: https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this"""


@dataclass(frozen=True, kw_only=True, slots=True)
class TelegramSettings:
    """One bot. With `webhook_url` Telegram calls us, without it we ask Telegram."""

    token: str = field(repr=False)
    """As @BotFather gives it."""
    name: str = "telegram"
    """Of the channel."""
    webhook_url: str | None = None
    """The whole public URL that leads to `path`, e.g. `https://chat.example.com/telegram`."""
    webhook_secret: str | None = field(default=None, repr=False)
    """1 to 256 letters, digits, `_` and `-`, by which we know that a webhook's caller is Telegram."""
    path: str = "/telegram"
    """Where our own server listens for the webhook."""
    api_base: str = "https://api.telegram.org"
    poll_timeout: int = 50
    """Seconds that Telegram holds a getUpdates open while there is nothing to say."""
    timeout: float = 20.0
    """Seconds for any other call, and the most that may pass before a long text's last part begins: twice this is
    shorter than the lease of a Delivery."""
    limits: Limits = LIMITS


class InsecureWebhook(ValueError):
    """A webhook needs `webhook_secret` (1 to 256 letters, digits, `_`, `-`): else anybody could pose as Telegram."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)
