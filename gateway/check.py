"""`rapport check`: everything that can be known before a customer notices, in one sentence each."""

from __future__ import annotations

import asyncio
import errno
import importlib
import socket
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from bot.hours import Hours
from bot.playbook import PlaybookMistakes, load
from channels.envelope import SendError, SendErrorCode
from channels.sms.channel import PATH as SMS_PATH
from channels.sms.channel import Sms
from channels.sms.providers import PROVIDERS
from channels.sms.settings import SmsSettings
from gateway import pages, playbooks
from gateway.findings import Finding, Level, fine, mistake, note
from gateway.inspecting_nlu import check_assistant, check_encoder, check_rasa, check_training
from gateway.inspecting_openid import check_openid
from gateway.numbers import number_settings
from gateway.settings import Settings
from gateway.settings_mail import Mail
from gateway.settings_sms import Number
from gateway.settings_sources import SettingsMistakes
from storage import migrations

Clock = Callable[[], date]
PATIENCE: Final = 10.0
"""Seconds that any one thing may take to answer."""
SOON: Final = timedelta(days=45)
"""How long before a year begins we should know its holidays."""
WITHIN: Final = 8
"""Seconds after which those that can tell themselves what they waited for give up, before our patience ends."""


class Look(Protocol):
    """One thing to look at; its name says what."""

    __name__: str

    async def __call__(self, settings: Settings, /) -> Sequence[Finding]: ...


def of_mistakes(mistakes: SettingsMistakes) -> list[Finding]:
    """Settings that could not even be loaded, as findings."""
    return [Finding(level=Level.MISTAKE, subject=each.key, sentence=str(each)) for each in mistakes.mistakes]


async def check(settings: Settings, *, patience: float = PATIENCE) -> list[Finding]:
    """Try everything that these settings lead to, at the same time, for `patience` seconds.

    Changes nothing, sends nothing, never raises.
    """
    looks: tuple[Look, ...] = (
        check_data_dir,
        check_database,
        check_playbook,
        check_port,
        check_telegram,
        check_mail,
        check_sms,
        check_encoder,
        check_training,
        check_rasa,
        check_assistant,
        check_openid,
    )
    found = await asyncio.gather(*(_patiently(look, settings, patience) for look in looks))
    return [finding for findings in found for finding in findings]


async def _patiently(look: Look, settings: Settings, patience: float) -> Sequence[Finding]:
    subject = look.__name__.removeprefix("check_")
    try:
        async with asyncio.timeout(patience):
            return await look(settings)
    except TimeoutError:
        return [mistake(subject, f"{subject} did not answer within {patience:g} seconds.")]


async def check_data_dir(settings: Settings) -> Sequence[Finding]:
    """Whether the folder is there, or can be made, and can be written to."""
    folder = settings.data_dir
    existing = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
    if not existing.is_dir():
        return [mistake("data_dir", f"data_dir is {folder}, and {existing} is not a folder; name another.")]
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as exc:
        return [mistake("data_dir", f"data_dir is {folder}, and {existing} cannot be written to ({exc.strerror}).")]
    state = "is there" if existing == folder.absolute() else "will be made at the first start"
    return [fine("data_dir", f"The data folder {folder} {state}.")]


async def check_database(settings: Settings) -> Sequence[Finding]:
    """Whether it answers, and whether its tables are those of this version."""
    return await asyncio.to_thread(_look_into_database, settings)


def _look_into_database(settings: Settings) -> Sequence[Finding]:
    url = settings.database_url
    if settings.embedded:
        path = Path(url.database or "").absolute()
        if not path.exists():
            return [fine("database", f"The database {url.database} will be made at the first start.")]
        # Read-only: looking must not make a file, nor wait for the gateway that is writing.
        url = url.set(database=f"file:{path}", query={"mode": "ro", "uri": "true"})
    limits = {} if settings.embedded else {"connect_timeout": WITHIN}
    engine = create_engine(url, poolclass=NullPool, connect_args=limits)
    try:
        with engine.connect() as connection:
            present = migrations.current(connection)
    except (SQLAlchemyError, OSError) as exc:
        return [mistake("database", f"The database {url.render_as_string()} does not answer: {_first_line(exc)}")]
    finally:
        engine.dispose()
    return [_migration_state(present)]


def _migration_state(present: str | None) -> Finding:
    if present is None:
        return note(
            "database", "The database answers and is empty; `rapport migrate` or the next start makes the tables."
        )
    if present == migrations.newest():
        return fine("database", "The database answers, and its tables are up to date.")
    script = ScriptDirectory(str(Path(migrations.__file__ or "").parent))
    if present in {revision.revision for revision in script.walk_revisions()}:
        return note(
            "database", "The database is of an older version; `rapport migrate` or the next start brings it up."
        )
    return mistake("database", "The database was written by a newer version of Rapport; install that one.")


async def check_playbook(settings: Settings, today: Clock = date.today) -> Sequence[Finding]:
    """Every mistake in the business's own files, with file and line; and whether its holidays are running out."""
    if not settings.playbook.is_dir():
        return [mistake("playbook", f"playbook is {settings.playbook}, which is no folder; name the business's own.")]
    try:
        playbook = await asyncio.to_thread(lambda: load(playbooks.files(settings.playbook)))
        await asyncio.to_thread(lambda: pages.layouts(settings.playbook))
    except PlaybookMistakes as exc:
        return [mistake("playbook", f"{settings.playbook}/{each}") for each in exc.mistakes]
    except OSError as exc:
        return [mistake("playbook", f"{exc.filename} of the playbook cannot be read ({exc.strerror}).")]
    complete = fine("playbook", f"The playbook {settings.playbook} is complete, with {len(playbook.entries)} answers.")
    return [complete, *_look_into_holidays(playbook.hours, today())]


def _look_into_holidays(hours: Hours, today: date) -> Iterable[Finding]:
    """The State Council publishes a year's holidays in the November before it: a version of ours may not have them."""
    for year in sorted({today.year, (today + SOON).year}):
        if not hours.knows(year):
            yield note(
                "playbook",
                f"China's holidays and make-up workdays of {year} are not known to this version: update Rapport, or"
                " name the days in hours.yml under closed and extra_open; until then the plain week holds.",
            )


async def check_port(settings: Settings) -> Sequence[Finding]:
    """Whether we could listen where we should."""
    host, port = settings.server.host, settings.server.port
    try:
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
            return [fine("server.port", f"{host}:{port} is free.")]
    except OSError as exc:
        if exc.errno == errno.EADDRINUSE:
            return [note("server.port", f"{host}:{port} is taken; if not by this gateway, choose another server.port.")]
        if exc.errno == errno.EACCES:
            return [mistake("server.port", f"Ports below 1024 are not for us: server.port is {port}; 8080 would do.")]
        return [mistake("server.host", f"server.host is {host}, which is no address of this machine ({exc.strerror}).")]


async def check_telegram(settings: Settings) -> Sequence[Finding]:
    """Whose bot the token is (`getMe`)."""
    telegram = settings.telegram
    if telegram.token is None:
        return []
    # 130 MB and a second of importing: only where there is a bot.
    from channels.telegram.channel import Telegram, TelegramSettings

    await asyncio.to_thread(importlib.import_module, "channels.telegram.methods")
    bot = Telegram(
        TelegramSettings(token=telegram.token.get_secret_value(), api_base=telegram.api_base, timeout=WITHIN)
    )
    try:
        return [fine("telegram", f"Telegram knows our bot as {await bot.probe()}.")]
    except SendError as exc:
        if exc.code is SendErrorCode.UNAUTHORIZED:
            return [
                mistake(
                    "telegram.token", "Telegram does not know telegram.token; take the bot's token from @BotFather."
                )
            ]
        return [mistake("telegram", f"Telegram at {telegram.api_base} does not answer as it should: {exc.detail}.")]
    finally:
        await bot.stop()


async def check_mail(settings: Settings) -> Sequence[Finding]:
    """Whether each mailbox can be read, and its mail handed over: a login at both servers, nothing sent."""
    found = await asyncio.gather(*(_check_mailbox(mail, settings) for mail in settings.mail))
    return [finding for findings in found for finding in findings]


async def _check_mailbox(mail: Mail, settings: Settings) -> Sequence[Finding]:
    from channels.mail.channel import MailChannel
    from gateway.mailboxes import mailbox

    subject, public = f"mail {mail.name}", settings.server.public_url
    try:
        channel = MailChannel(mailbox(mail, key=b"", public_url=public, zone=ZoneInfo("UTC")))
    except (OSError, ValueError, KeyError) as exc:
        return [mistake(subject, f"The mailbox {mail.address} cannot be set up: {_first_line(exc)}")]
    findings: list[Finding] = []
    ways = (
        ("is read", mail.imap and mail.imap.host, channel.probe_mailbox),
        ("sends", mail.smtp and mail.smtp.host, channel.probe_submission),
    )
    for what, host, probe in ways:
        if host:
            try:
                findings.append(fine(subject, f"{mail.address} {what} at {host}: {await probe()}."))
            except SendError as exc:
                findings.append(mistake(subject, f"{mail.address} at {host}: {exc.detail}."))
    findings += _where_mail_comes_in(subject, mail, public)
    if mail.smtp is not None and (public is None or not public.startswith("https://")):
        findings.append(
            note(subject, "Without server.public_url, an https address, no marketing mail leaves: it has no way out.")
        )
    await channel.stop()
    return findings


def _where_mail_comes_in(subject: str, mail: Mail, public: str | None) -> Iterable[Finding]:
    """The addresses of our own that somebody else has to be told."""
    ways = (
        (mail.push, "push", "your mail server hands mails in"),
        (
            mail.provider,
            "hook",
            f"{mail.provider.name if mail.provider else ''} brings mails and news of what was sent",
        ),
    )
    for way, path, what in ways:
        if way is not None and public is None:
            yield note(subject, f"Without server.public_url nobody reaches us where {what}.")
        elif way is not None:
            yield fine(subject, f"{what[0].upper()}{what[1:]} at {public}/mail/{mail.name}/{path}.")


async def check_sms(settings: Settings) -> Sequence[Finding]:
    """Whether each number's provider knows us, and can reach us: nothing is sent."""
    found = await asyncio.gather(*(_check_number(number, settings) for number in settings.sms))
    return [finding for findings in found for finding in findings]


async def _check_number(number: Number, settings: Settings) -> Sequence[Finding]:
    subject, public = f"sms {number.name}", settings.server.public_url
    try:
        ours = replace(number_settings(number, public_url=public), timeout=WITHIN)
    except OSError as exc:
        return [mistake(subject, f"The number {number.sender} cannot be set up: {_first_line(exc)}")]
    channel = Sms(ours, PROVIDERS[ours.provider](ours))
    findings: list[Finding] = []
    try:
        findings.append(fine(subject, f"Texts leave as {await channel.probe()}."))
    except SendError as exc:
        findings.append(mistake(subject, _refused(ours, exc)))
    finally:
        await channel.stop()
    findings.append(_where_texts_come_in(subject, ours))
    return findings


def _where_texts_come_in(subject: str, number: SmsSettings) -> Finding:
    """What is entered at the provider; without the secret in it, which would be read over a shoulder."""
    if not number.public_url:
        return note(subject, "Without server.public_url or callback_url nobody can bring us texts and reports.")
    secret = "/<webhook_secret>" if number.webhook_secret else ""
    at = f"{number.public_url.rstrip('/')}{SMS_PATH}/{number.name}{secret}"
    told = ", with your own in place of <webhook_secret>" if secret else ""
    return fine(subject, f"Enter at {number.provider}: {at}/inbound for texts, {at}/status for reports{told}.")


def _refused(number: SmsSettings, problem: SendError) -> str:
    match problem.code:
        case SendErrorCode.UNREACHABLE:
            where = f" at {number.api_base}; see api_base" if number.api_base else ""
            return f"{number.provider} cannot be reached{where}: {problem.detail}."
        case SendErrorCode.NO_ANSWER:
            return f"{number.provider} gives no answer: {problem.detail}."
        case SendErrorCode.UNAUTHORIZED:
            return f"{number.provider} refuses account or token of {number.sender}: {problem.detail}."
        case _:
            return f"{number.provider} does not know {number.sender}: {problem.detail}."


def _first_line(exc: Exception) -> str:
    """What the driver says; never SQLAlchemy's own message, which repeats statements and parameters."""
    cause = getattr(exc, "orig", None) or exc
    return (str(cause).strip().splitlines() or [type(cause).__name__])[0]
