"""Channels by settings: who is configured, with which credentials. The one place that knows every adapter."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.turn import ChannelFacts
from channels.protocol import Channel, Schemed
from channels.sms.channel import Sms
from channels.sms.providers import PROVIDERS
from channels.webchat.channel import Rate, WebChat, WebChatSettings
from gateway.numbers import number_settings
from gateway.settings import Settings


def configured_channels(
    settings: Settings, *, webchat_key: bytes, mail_key: bytes, zone: ZoneInfo, clock: Callable[[], datetime]
) -> list[Channel]:
    """All channels that the settings switch on. The keys are this house's own; `zone` is the business's.
    Raises PlaybookMistakes for a business's own pages that cannot be used."""
    channels: list[Channel] = []
    if settings.webchat.enabled:
        channels.append(_webchat(settings, webchat_key, clock))
    if settings.telegram.token is not None:
        channels.append(_telegram(settings, settings.telegram.token.get_secret_value(), clock))
    channels += _mailboxes(settings, mail_key, zone, clock)
    channels += _numbers(settings, clock)
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


def _mailboxes(settings: Settings, key: bytes, zone: ZoneInfo, clock: Callable[[], datetime]) -> list[Channel]:
    if not settings.mail:
        return []
    from channels.mail.channel import MailChannel
    from gateway.mailboxes import mailbox
    from gateway.pages import layouts

    public = settings.server.public_url
    around = layouts(settings.playbook)
    made = [mailbox(mail, key=key, public_url=public, zone=zone, layouts=around) for mail in settings.mail]
    return [MailChannel(each, clock=clock) for each in made]


def _numbers(settings: Settings, clock: Callable[[], datetime]) -> list[Channel]:
    public = settings.server.public_url
    proxies = [str(network) for network in settings.server.trusted_proxies]
    found = [number_settings(number, public_url=public, trusted_proxies=proxies) for number in settings.sms]
    return [Sms(each, PROVIDERS[each.provider](each), clock=clock) for each in found]


def channel_facts(channel: Channel) -> ChannelFacts:
    """A channel as the engine sees it."""
    return ChannelFacts(
        name=channel.name,
        scheme=channel.scheme if isinstance(channel, Schemed) else channel.name,
        buttons=channel.limits.buttons,
        text_limit=channel.limits.text,
        pictures=channel.limits.pictures,
        custom=channel.limits.custom,
    )
