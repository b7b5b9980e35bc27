"""Every provider that we speak with, by the name in the settings. The one list; nothing registers itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from channels.sms.provider import Provider
from channels.sms.providers.africastalking import AfricasTalking
from channels.sms.providers.aliyun import Aliyun
from channels.sms.providers.bandwidth import Bandwidth
from channels.sms.providers.clickatell import Clickatell
from channels.sms.providers.infobip import Infobip
from channels.sms.providers.kannel import Kannel
from channels.sms.providers.messagebird import Messagebird
from channels.sms.providers.nexmo import Nexmo
from channels.sms.providers.plivo import Plivo
from channels.sms.providers.twilio import Twilio
from channels.sms.settings import SmsSettings

PROVIDERS: Mapping[str, Callable[[SmsSettings], Provider]] = {
    "africastalking": AfricasTalking,
    "aliyun": Aliyun,
    "bandwidth": Bandwidth,
    "clickatell": Clickatell,
    "infobip": Infobip,
    "kannel": Kannel,
    "messagebird": Messagebird,
    "nexmo": Nexmo,
    "plivo": Plivo,
    "twilio": Twilio,
}

SIGNS_WITH_TOKEN: frozenset[str] = frozenset({"plivo", "twilio"})
"""They prove their webhooks with the account's token; all others need `signing_secret` or `webhook_secret`."""
