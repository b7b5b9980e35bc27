"""Every provider that we speak with, by the name in the settings. The one list; nothing registers itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from channels.sms.provider import Provider
from channels.sms.providers.kannel import Kannel
from channels.sms.providers.twilio import Twilio
from channels.sms.settings import SmsSettings

PROVIDERS: Mapping[str, Callable[[SmsSettings], Provider]] = {
    "kannel": Kannel,
    "twilio": Twilio,
}
