"""Mailboxes by settings: `[[mail]]` as the adapter takes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from channels.mail.composing import Sender
from channels.mail.layout import LAYOUTS, Layout
from channels.mail.providers.seam import Credentials
from channels.mail.settings import (
    LIMITS,
    After,
    Existing,
    Login,
    MailboxSettings,
    MailLimits,
    MailSettings,
    PushSettings,
    Security,
    SubmissionSettings,
    TokenSettings,
)
from channels.mail.signing import DkimKey
from channels.mail.webhooks import HookSettings
from gateway.settings_mail import (
    Mail,
    MailDkim,
    MailImap,
    MailLogin,
    MailProvider,
    MailPush,
    MailSmtp,
    MailToken,
    secret,
)
from gateway.settings_mail import MailLimits as LimitSettings

IMAP_PORTS: Mapping[str, int] = {Security.TLS: 993, Security.STARTTLS: 143, Security.PLAIN: 143}
SMTP_PORTS: Mapping[str, int] = {Security.TLS: 465, Security.STARTTLS: 587, Security.PLAIN: 25}


def mailbox(
    mail: Mail,
    *,
    key: bytes,
    public_url: str | None,
    zone: ZoneInfo,
    layouts: Mapping[str, Layout] = LAYOUTS,
) -> MailSettings:
    """`key`: of this house; `zone`: by whose clock quoted mails are dated. Raises OSError for a file that has gone."""
    smtp_login = (mail.smtp.login or mail.login) if mail.smtp and not mail.smtp.no_login else None
    return MailSettings(
        name=mail.name,
        sender=_sender(mail, zone),
        secret=key,
        mailbox=_imap(mail.imap, mail.login) if mail.imap and mail.login else None,
        submission=_smtp(mail.smtp, smtp_login) if mail.smtp else None,
        submission_login=_login(smtp_login) if smtp_login and smtp_login.token else None,
        push=_push(mail, mail.push) if mail.push else None,
        hook=_hook(mail, mail.provider, public_url) if mail.provider else None,
        dkim=_dkim(mail.dkim) if mail.dkim else None,
        public_url=public_url,
        aliases=(*mail.aliases, *([mail.bounces_address] if mail.bounces_address else [])),
        trusted_authserv_id=mail.trusted_authserv_id,
        window=timedelta(days=mail.window_days),
        limits=replace(
            LIMITS,
            per_second=mail.smtp.per_second if mail.smtp else LIMITS.per_second,
            file_bytes=mail.limits.enclosed_bytes,
        ),
        accepts=_accepted(mail.limits),
        enclosed_bytes=mail.limits.enclosed_bytes,
        forged_per_hour=mail.limits.forged_per_hour,
        layouts=layouts,
    )


def _sender(mail: Mail, zone: ZoneInfo) -> Sender:
    return Sender(
        address=mail.address,
        name=mail.from_name,
        return_path=mail.bounces_address,
        zone=zone,
        separator=mail.reply_separator,
        about=mail.about,
    )


def _imap(imap: MailImap, login: MailLogin) -> MailboxSettings:
    return MailboxSettings(
        host=imap.host,
        port=imap.port or IMAP_PORTS[imap.security],
        security=Security(imap.security),
        certificates=str(imap.certificates) if imap.certificates else None,
        login=_login(login),
        folder=imap.folder,
        after=After(imap.after),
        move_to=imap.move_to,
        existing=Existing(imap.existing),
        idle=imap.idle_seconds,
        poll=imap.poll_seconds,
    )


def _smtp(smtp: MailSmtp, login: MailLogin | None) -> SubmissionSettings:
    return SubmissionSettings(
        host=smtp.host,
        port=smtp.port or SMTP_PORTS[smtp.security],
        security=Security(smtp.security),
        certificates=str(smtp.certificates) if smtp.certificates else None,
        user=login.user if login else None,
        password=secret(login, "password") if login else None,
        hello=smtp.hello,
        connections=smtp.connections,
    )


def _login(login: MailLogin) -> Login:
    return Login(
        user=login.user, password=secret(login, "password"), token=_token(login.token) if login.token else None
    )


def _token(token: MailToken) -> TokenSettings:
    return TokenSettings(
        file=str(token.file) if token.file else None,
        command=token.command,
        url=token.url,
        client_id=token.client_id,
        client_secret=secret(token, "client_secret"),
        refresh_token=secret(token, "refresh_token"),
        scope=token.scope,
    )


def _push(mail: Mail, push: MailPush) -> PushSettings:
    return PushSettings(
        secret=(secret(push, "secret") or "").encode(), path=f"/mail/{mail.name}/push", window=push.window_seconds
    )


def _hook(mail: Mail, provider: MailProvider, public_url: str | None) -> HookSettings:
    path = f"/mail/{mail.name}/hook"
    return HookSettings(
        provider=provider.name,
        path=path,
        body_limit=mail.limits.webhook_bytes,
        fetch_limit=mail.limits.webhook_bytes,
        credentials=Credentials(
            key=secret(provider, "key") or "",
            user=provider.user,
            password=secret(provider, "password") or "",
            api_key=secret(provider, "api_key") or "",
            api_base=provider.api_base,
            public_url=f"{public_url}{path}" if public_url else None,
            topic=provider.topic,
        ),
    )


def _dkim(dkim: MailDkim) -> DkimKey:
    return DkimKey(domain=dkim.domain, selector=dkim.selector, private_key=dkim.key_file.read_text("utf-8"))


def _accepted(limits: LimitSettings) -> MailLimits:
    return MailLimits(
        bytes=limits.bytes,
        attachments=limits.attachments,
        headers=limits.headers,
        header_bytes=limits.header_bytes,
        parts=limits.parts,
        depth=limits.depth,
        text=limits.text,
        html=limits.html,
    )
