"""`[[mail]]`: mailboxes, each a channel with a name of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, SecretStr

from gateway.sections import Section
from gateway.settings_sources import Mistake
from gateway.settings_values import HttpUrl, Seconds, mistake

TAKEN: Final = frozenset({"webchat", "telegram", "offline"})
"""Names of channels that are no mailboxes."""


def _address(value: str) -> str:
    if not re.fullmatch(r"[^@\s<>\"(),:;]+@[^@\s<>\"(),:;]+", value):
        raise mistake(f"is {value!r} and no mail address", "write it like support@shop.example, without a name")
    return value


def _name(value: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", value) or value in TAKEN:
        raise mistake(f"is {value!r}", "use small letters, digits and -, and no other channel's name")
    return value


MailAddress = Annotated[str, AfterValidator(_address)]
ChannelName = Annotated[str, AfterValidator(_name)]
Protection = Literal["tls", "starttls", "plain"]


class MailToken(Section):
    """`[mail.login.token]`: an access token in place of a password (XOAUTH2); from a file, a command or a URL."""

    file: Path | None = Field(default=None, description="a file that somebody else keeps a fresh token in")
    command: tuple[str, ...] = Field(
        default=(), description='a program that prints a token, such as ["/usr/local/bin/token", "support"]'
    )
    url: HttpUrl | None = Field(
        default=None, description="the provider's token endpoint, such as https://oauth2.googleapis.com/token"
    )
    client_id: str = Field(default="", description="as the provider's console gives it")
    client_secret: SecretStr | None = Field(default=None, description="as the provider's console gives it")
    client_secret_file: Path | None = Field(default=None, description="a file with the client secret in it")
    refresh_token: SecretStr | None = Field(default=None, description="what the owner's consent brought")
    refresh_token_file: Path | None = Field(default=None, description="a file with the refresh token in it")
    scope: str | None = Field(default=None, description="scopes to ask for, where the provider wants them named")


class MailLogin(Section):
    """`[mail.login]`: who we are to the mail servers."""

    user: str = Field(min_length=1, description="the name to log in with, mostly the address itself")
    password: SecretStr | None = Field(default=None, description="the password or authorisation code")
    password_file: Path | None = Field(default=None, description="a file with the password in it")
    token: MailToken | None = Field(default=None, description="keys under [mail.login.token], in place of a password")


class MailImap(Section):
    """`[mail.imap]`: where mail is read."""

    host: str = Field(min_length=1, description="the server's name, such as imap.shop.example")
    port: int | None = Field(default=None, ge=1, le=65_535, description="a port; left out, 993 or for starttls 143")
    security: Protection = Field(default="tls", description="tls, starttls, or on this machine alone plain")
    certificates: Path | None = Field(default=None, description="a PEM file of authorities to trust instead")
    folder: str = Field(default="INBOX", min_length=1, description="the folder to read")
    existing: Literal["none", "unseen", "all"] = Field(
        default="none", description="which mails are taken that were there before the first start: none, unseen or all"
    )
    after: Literal["seen", "move", "leave"] = Field(
        default="seen", description="what becomes of a stored mail: seen, move or leave"
    )
    move_to: str = Field(default="Rapport", min_length=1, description="the folder for after = move")
    poll_seconds: Seconds = Field(default=30.0, description="seconds between looks at a server without IDLE")
    idle_seconds: Annotated[float, Field(ge=1, le=1740)] = Field(
        default=240.0, description="seconds after which waiting for news is renewed, under 29 minutes"
    )


class MailSmtp(Section):
    """`[mail.smtp]`: where mail is handed over."""

    host: str = Field(min_length=1, description="the server's name, such as smtp.shop.example")
    port: int | None = Field(default=None, ge=1, le=65_535, description="a port; left out, 465 or for starttls 587")
    security: Protection = Field(default="tls", description="tls, starttls, or on this machine alone plain")
    certificates: Path | None = Field(default=None, description="a PEM file of authorities to trust instead")
    login: MailLogin | None = Field(default=None, description="keys under [mail.smtp.login], where it differs")
    no_login: bool = Field(default=False, description="true for a relay that asks for none")
    hello: str = Field(default="localhost", min_length=1, description="how we introduce ourselves")
    connections: int = Field(default=4, ge=1, le=64, description="connections at once, 1 to 64")
    per_second: float = Field(default=10.0, gt=0, le=10_000, description="mails a second at most")


class MailDkim(Section):
    """`[mail.dkim]`: a key that our mails are signed with."""

    domain: str = Field(min_length=1, description="the domain that signs, such as shop.example")
    selector: str = Field(min_length=1, description="under which name the public half stands in the DNS")
    key_file: Path = Field(description="a PEM file with the private key, RSA or Ed25519")


class MailPush(Section):
    """`[mail.push]`: raw mails handed in over HTTP at /mail/<name>/push."""

    secret: SecretStr | None = Field(default=None, min_length=16, description="at least 16 characters")
    secret_file: Path | None = Field(default=None, description="a file with the secret in it")
    window_seconds: Seconds = Field(default=300.0, description="seconds that a signature's time may be off")


class MailProvider(Section):
    """`[mail.provider]`: a mail provider's webhook at /mail/<name>/hook."""

    name: str = Field(min_length=1, description="the provider, such as mailgun, postmark, sendgrid or ses")
    key: SecretStr | None = Field(default=None, description="the signing key")
    key_file: Path | None = Field(default=None, description="a file with the signing key in it")
    user: str = Field(default="", description="of the webhook's own address, where the provider signs nothing")
    password: SecretStr | None = Field(default=None, description="of the webhook's own address")
    password_file: Path | None = Field(default=None, description="a file with that password in it")
    api_key: SecretStr | None = Field(default=None, description="to fetch mails with that the webhook only points to")
    api_key_file: Path | None = Field(default=None, description="a file with the API key in it")
    api_base: HttpUrl | None = Field(
        default=None, description="address of the provider's API, where it is not the usual"
    )
    topic: str = Field(default="", description="SES: the topic's ARN")


class MailLimits(Section):
    """`[mail.limits]`: what a mail may be at most. A refusal names the key that it was beyond."""

    bytes: int = Field(default=52_428_800, ge=100_000, le=209_715_200, description="bytes of a mail that is taken")
    attachments: int = Field(default=52_428_800, ge=0, le=209_715_200, description="bytes of its files together")
    headers: int = Field(default=10_000, ge=100, le=100_000, description="header lines of all its parts together")
    header_bytes: int = Field(default=1_048_576, ge=10_000, le=16_777_216, description="bytes of those lines")
    parts: int = Field(default=1_000, ge=10, le=100_000, description="parts of a mail, those within parts counted")
    depth: int = Field(default=100, ge=5, le=150, description="parts within parts that are opened, 5 to 150")
    text: int = Field(default=8_388_608, ge=10_000, le=67_108_864, description="bytes of text that are read")
    html: int = Field(default=2_097_152, ge=10_000, le=16_777_216, description="characters of HTML that are read")
    webhook_bytes: int = Field(
        default=67_108_864,
        ge=100_000,
        le=536_870_912,
        description="bytes of a provider's webhook",
    )
    enclosed_bytes: int = Field(
        default=18_874_368, ge=0, le=209_715_200, description="bytes of the files that go along with a mail of ours"
    )
    forged_per_hour: int = Field(
        default=60, ge=0, le=100_000, description="forged requests an hour that are kept on record; the rest is counted"
    )


class Mail(Section):
    """One mailbox."""

    name: ChannelName = Field(default="mail", description="the channel's name: small letters, digits and -")
    address: MailAddress = Field(description="the mailbox's address, such as support@shop.example")
    from_name: str = Field(default="", max_length=100, description="how people see the sender")
    aliases: tuple[MailAddress, ...] = Field(default=(), description="further addresses that end in this mailbox")
    login: MailLogin | None = Field(default=None, description="keys under [mail.login]")
    imap: MailImap | None = Field(default=None, description="keys under [mail.imap]")
    smtp: MailSmtp | None = Field(default=None, description="keys under [mail.smtp]")
    dkim: MailDkim | None = Field(default=None, description="keys under [mail.dkim]")
    push: MailPush | None = Field(default=None, description="keys under [mail.push]")
    provider: MailProvider | None = Field(default=None, description="keys under [mail.provider]")
    bounces_address: MailAddress | None = Field(
        default=None, description="where bounces go; left out, to the mailbox itself"
    )
    reply_separator: Literal["+", "-", "="] = Field(
        default="+", description="what the mail server takes for the end of the mailbox's name: +, - or ="
    )
    trusted_authserv_id: str | None = Field(
        default=None, min_length=1, description="how our own mail server calls itself in Authentication-Results"
    )
    about: str = Field(default="", max_length=500, description="who and where the business is: below marketing mail")
    window_days: float = Field(
        default=3.0, gt=0, le=365, description="days in which a mail that answers nothing goes on with the last talk"
    )
    limits: MailLimits = Field(default_factory=MailLimits, description="keys under [mail.limits]")


SECRETS: Final = ("password", "client_secret", "refresh_token", "secret", "key", "api_key")
"""Keys that may stand in a file of their own, as `<key>_file`."""


def contradictions(mailboxes: Sequence[Mail]) -> Iterable[Mistake]:
    """Mailboxes whose keys are right each by itself and wrong together."""
    names: set[str] = set()
    addresses: set[str] = set()
    for at, mail in enumerate(mailboxes):
        key = f"mail.{at}"
        if mail.name in names:
            yield Mistake(key=f"{key}.name", what=f"is {mail.name}, as another's", right="name each mailbox otherwise")
        if mail.address.lower() in addresses:
            yield Mistake(
                key=f"{key}.address", what="is another mailbox's, too", right="give each mailbox an address of its own"
            )
        names.add(mail.name)
        addresses.add(mail.address.lower())
        yield from _of_one(key, mail)


def _of_one(key: str, mail: Mail) -> Iterable[Mistake]:
    if mail.imap is None and mail.push is None and mail.provider is None and mail.smtp is None:
        yield Mistake(
            key=key, what="neither reads nor sends mail", right="add [mail.imap] and [mail.smtp] with their hosts"
        )
    if mail.imap is not None and mail.login is None:
        yield Mistake(key=f"{key}.login", what="is missing", right="add [mail.login] with user and password")
    if mail.smtp is not None and mail.login is None and mail.smtp.login is None and not mail.smtp.no_login:
        yield Mistake(
            key=f"{key}.smtp.login",
            what="is missing",
            right="add [mail.login], or smtp.no_login = true for a relay that asks for none",
        )
    for where, section in _sections(key, mail):
        yield from _two_places(where, section)
    for where, login in ((f"{key}.login", mail.login), (f"{key}.smtp.login", mail.smtp.login if mail.smtp else None)):
        if login is not None:
            yield from _of_login(where, login)
    if mail.push is not None and mail.push.secret is None and mail.push.secret_file is None:
        yield Mistake(
            key=f"{key}.push.secret",
            what="is missing, and a way in without one is open to anybody",
            right="set 16 characters or more; `openssl rand -hex 32` makes a good one",
        )


def _sections(key: str, mail: Mail) -> Iterable[tuple[str, Section]]:
    smtp_login = mail.smtp.login if mail.smtp else None
    token = mail.login.token if mail.login else None
    named: tuple[tuple[str, Section | None], ...] = (
        (f"{key}.login", mail.login),
        (f"{key}.login.token", token),
        (f"{key}.smtp.login", smtp_login),
        (f"{key}.smtp.login.token", smtp_login.token if smtp_login else None),
        (f"{key}.push", mail.push),
        (f"{key}.provider", mail.provider),
    )
    return ((where, section) for where, section in named if section is not None)


def _two_places(where: str, section: Section) -> Iterable[Mistake]:
    """A secret that stands here and in a file, and a file that cannot be read."""
    for name in SECRETS:
        file: object = getattr(section, f"{name}_file", None)
        if not isinstance(file, Path):
            continue
        if getattr(section, name) is not None:
            yield Mistake(key=f"{where}.{name}", what="stands here and in a file", right="keep one of them")
        elif not _readable(file):
            yield Mistake(
                key=f"{where}.{name}_file", what=f"names {file}, which cannot be read", right="name a readable file"
            )


def _readable(file: Path) -> bool:
    try:
        return bool(file.read_text("utf-8").strip())
    except (OSError, UnicodeDecodeError):
        return False


def _of_login(where: str, login: MailLogin) -> Iterable[Mistake]:
    ways = [login.password is not None or login.password_file is not None, login.token is not None]
    if sum(ways) != 1:
        yield Mistake(
            key=where,
            what="has no secret" if not any(ways) else "has a password and a token",
            right="set password, password_file, or keys under token",
        )
    token = login.token
    if token is not None and [token.file is not None, bool(token.command), token.url is not None].count(True) != 1:
        yield Mistake(
            key=f"{where}.token", what="comes from nowhere or from several places", right="set file, command or url"
        )
    if token is not None and token.url is not None and token.refresh_token is None and token.refresh_token_file is None:
        yield Mistake(
            key=f"{where}.token.refresh_token", what="is missing", right="set what the owner's consent brought"
        )


def secret(section: Section, name: str) -> str | None:
    """A secret's value, wherever it stands. Raises OSError where its file has gone since the start."""
    value: object = getattr(section, name)
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    file: object = getattr(section, f"{name}_file", None)
    return file.read_text("utf-8").strip() if isinstance(file, Path) else None
