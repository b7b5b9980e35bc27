"""Channels by settings: who is configured, with which credentials. The one place that knows every adapter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from bot.turn import ChannelFacts
from channels.protocol import Channel
from channels.webchat.channel import Rate, WebChat, WebChatSettings
from gateway.settings import Settings

SCHEMES: Mapping[str, str] = {"mail": "mailto", "sms": "tel"}
"""Schemes of the addresses of channels that are not called like their scheme."""


def configured_channels(settings: Settings, *, webchat_key: bytes, clock: Callable[[], datetime]) -> list[Channel]:
    """All channels that the settings switch on."""
    channels: list[Channel] = []
    if settings.webchat.enabled:
        channels.append(_webchat(settings, webchat_key, clock))
    if settings.telegram.token is not None:
        channels.append(_telegram(settings, settings.telegram.token.get_secret_value(), clock))
    return channels


def _webchat(settings: Settings, key: bytes, clock: Callable[[], datetime]) -> Channel:
    chat = settings.webchat
    return WebChat(
        WebChatSettings(
            secret=key,
            identity_key=chat.identity_key.get_secret_value().encode() if chat.identity_key else None,
            allowed_origins=chat.allowed_origins,
            trusted_proxies=tuple(str(network) for network in settings.server.trusted_proxies),
            text_limit=chat.text_max_characters,
            upload_limit=chat.upload_max_bytes,
            upload_types=chat.upload_types,
            visitor_rate=Rate(per_second=chat.visitor_per_second, burst=chat.visitor_burst),
            client_rate=Rate(per_second=chat.client_per_second, burst=chat.client_burst),
            # People come far more rarely than they write.
            visit_rate=Rate(per_second=chat.client_per_second / 100, burst=max(1, chat.client_burst // 6)),
        ),
        clock=clock,
    )


def _telegram(settings: Settings, token: str, clock: Callable[[], datetime]) -> Channel:
    # aiogram costs 130 MB and a second: only houses with a bot pay for it.
    from channels.telegram.channel import Telegram, TelegramSettings

    telegram = settings.telegram
    public = settings.server.public_url
    return Telegram(
        TelegramSettings(
            token=token,
            webhook_url=f"{public}/telegram" if telegram.webhook and public else None,
            webhook_secret=telegram.webhook_secret.get_secret_value() if telegram.webhook_secret else None,
            api_base=telegram.api_base,
        ),
        clock=clock,
    )


def channel_facts(channel: Channel) -> ChannelFacts:
    """A channel as the engine sees it."""
    return ChannelFacts(
        name=channel.name,
        scheme=SCHEMES.get(channel.name, channel.name),
        buttons=channel.limits.buttons,
        text_limit=channel.limits.text,
    )
