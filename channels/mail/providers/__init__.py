"""Mail providers that tell us by webhook: one small file each, all of them in one list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from channels.mail.providers.brevo import BREVO
from channels.mail.providers.mailersend import MAILERSEND
from channels.mail.providers.mailgun import MAILGUN
from channels.mail.providers.mailjet import MAILJET
from channels.mail.providers.mailtrap import MAILTRAP
from channels.mail.providers.mandrill import MANDRILL
from channels.mail.providers.postal import POSTAL
from channels.mail.providers.postmark import POSTMARK
from channels.mail.providers.resend import RESEND
from channels.mail.providers.seam import Provider
from channels.mail.providers.sendgrid import SENDGRID
from channels.mail.providers.ses import SES
from channels.mail.providers.sparkpost import SPARKPOST
from channels.mail.providers.unisender_go import UNISENDER_GO

PROVIDERS: Final[Mapping[str, Provider]] = {
    provider.name: provider
    for provider in (
        BREVO,
        MAILERSEND,
        MAILGUN,
        MAILJET,
        MAILTRAP,
        MANDRILL,
        POSTAL,
        POSTMARK,
        RESEND,
        SENDGRID,
        SES,
        SPARKPOST,
        UNISENDER_GO,
    )
}
