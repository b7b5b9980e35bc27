"""`rapport check`: everything that can be known before a customer notices, in one sentence each."""

from __future__ import annotations

import asyncio
import errno
import importlib
import os
import socket
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from http import HTTPStatus
from pathlib import Path
from typing import Final, Protocol, cast
from zoneinfo import ZoneInfo

import aiohttp
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
from gateway import inspecting_openid, pages, playbooks
from gateway.numbers import number_settings
from gateway.rasa_child import models_of
from gateway.settings import Settings
from gateway.settings_mail import Mail
from gateway.settings_sms import Number
from gateway.settings_sources import SettingsMistakes
from gateway.training_folder import OURS
from nlu.encoder import Encoder, EncoderMissing
from nlu.rasa_client import BUILT_IN, MOST_OF_A_NAME, is_another, strangers
from nlu.rasa_project import RasaMissing, find_environment
from nlu.training import TrainingDataMistakes, training_files
from nlu.training import read as read_training
from storage import migrations

Clock = Callable[[], date]
PATIENCE: Final = 10.0
"""Seconds that any one thing may take to answer."""
SOON: Final = timedelta(days=45)
"""How long before a year begins we should know its holidays."""
WITHIN: Final = 8
"""Seconds after which those that can tell themselves what they waited for give up, before our patience ends."""


class Level(StrEnum):
    """How a finding bears on a start."""

    FINE = "fine"  # tried, and it works
    NOTE = "note"  # works, and is worth knowing
    MISTAKE = "mistake"  # will not work until it is changed


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that was looked at."""

    level: Level
    subject: str
    """What it is about: `database`, `telegram`, or a key of the settings."""
    sentence: str


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
        return [_mistake(subject, f"{subject} did not answer within {patience:g} seconds.")]


async def check_data_dir(settings: Settings) -> Sequence[Finding]:
    """Whether the folder is there, or can be made, and can be written to."""
    folder = settings.data_dir
    existing = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
    if not existing.is_dir():
        return [_mistake("data_dir", f"data_dir is {folder}, and {existing} is not a folder; name another.")]
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as exc:
        return [_mistake("data_dir", f"data_dir is {folder}, and {existing} cannot be written to ({exc.strerror}).")]
    state = "is there" if existing == folder.absolute() else "will be made at the first start"
    return [_fine("data_dir", f"The data folder {folder} {state}.")]


async def check_database(settings: Settings) -> Sequence[Finding]:
    """Whether it answers, and whether its tables are those of this version."""
    return await asyncio.to_thread(_look_into_database, settings)


def _look_into_database(settings: Settings) -> Sequence[Finding]:
    url = settings.database_url
    if settings.embedded:
        path = Path(url.database or "").absolute()
        if not path.exists():
            return [_fine("database", f"The database {url.database} will be made at the first start.")]
        # Read-only: looking must not make a file, nor wait for the gateway that is writing.
        url = url.set(database=f"file:{path}", query={"mode": "ro", "uri": "true"})
    limits = {} if settings.embedded else {"connect_timeout": WITHIN}
    engine = create_engine(url, poolclass=NullPool, connect_args=limits)
    try:
        with engine.connect() as connection:
            present = migrations.current(connection)
    except (SQLAlchemyError, OSError) as exc:
        return [_mistake("database", f"The database {url.render_as_string()} does not answer: {_first_line(exc)}")]
    finally:
        engine.dispose()
    return [_migration_state(present)]


def _migration_state(present: str | None) -> Finding:
    if present is None:
        return _note(
            "database", "The database answers and is empty; `rapport migrate` or the next start makes the tables."
        )
    if present == migrations.newest():
        return _fine("database", "The database answers, and its tables are up to date.")
    script = ScriptDirectory(str(Path(migrations.__file__ or "").parent))
    if present in {revision.revision for revision in script.walk_revisions()}:
        return _note(
            "database", "The database is of an older version; `rapport migrate` or the next start brings it up."
        )
    return _mistake("database", "The database was written by a newer version of Rapport; install that one.")


async def check_playbook(settings: Settings, today: Clock = date.today) -> Sequence[Finding]:
    """Every mistake in the business's own files, with file and line; and whether its holidays are running out."""
    if not settings.playbook.is_dir():
        return [_mistake("playbook", f"playbook is {settings.playbook}, which is no folder; name the business's own.")]
    try:
        playbook = await asyncio.to_thread(lambda: load(playbooks.files(settings.playbook)))
        await asyncio.to_thread(lambda: pages.layouts(settings.playbook))
    except PlaybookMistakes as exc:
        return [_mistake("playbook", f"{settings.playbook}/{mistake}") for mistake in exc.mistakes]
    except OSError as exc:
        return [_mistake("playbook", f"{exc.filename} of the playbook cannot be read ({exc.strerror}).")]
    complete = _fine("playbook", f"The playbook {settings.playbook} is complete, with {len(playbook.entries)} answers.")
    return [complete, *_look_into_holidays(playbook.hours, today())]


def _look_into_holidays(hours: Hours, today: date) -> Iterable[Finding]:
    """The State Council publishes a year's holidays in the November before it: a version of ours may not have them."""
    for year in sorted({today.year, (today + SOON).year}):
        if not hours.knows(year):
            yield _note(
                "playbook",
                f"China's holidays and make-up workdays of {year} are not known to this version: update Rapport, or"
                " name the days in hours.yml under closed and extra_open; until then the plain week holds.",
            )


async def check_port(settings: Settings) -> Sequence[Finding]:
    """Whether we could listen where we should."""
    host, port = settings.server.host, settings.server.port
    try:
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
            return [_fine("server.port", f"{host}:{port} is free.")]
    except OSError as exc:
        if exc.errno == errno.EADDRINUSE:
            return [
                _note("server.port", f"{host}:{port} is taken; if not by this gateway, choose another server.port.")
            ]
        if exc.errno == errno.EACCES:
            return [_mistake("server.port", f"Ports below 1024 are not for us: server.port is {port}; 8080 would do.")]
        return [
            _mistake("server.host", f"server.host is {host}, which is no address of this machine ({exc.strerror}).")
        ]


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
        return [_fine("telegram", f"Telegram knows our bot as {await bot.probe()}.")]
    except SendError as exc:
        if exc.code is SendErrorCode.UNAUTHORIZED:
            return [
                _mistake(
                    "telegram.token", "Telegram does not know telegram.token; take the bot's token from @BotFather."
                )
            ]
        return [_mistake("telegram", f"Telegram at {telegram.api_base} does not answer as it should: {exc.detail}.")]
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
        return [_mistake(subject, f"The mailbox {mail.address} cannot be set up: {_first_line(exc)}")]
    findings: list[Finding] = []
    ways = (
        ("is read", mail.imap and mail.imap.host, channel.probe_mailbox),
        ("sends", mail.smtp and mail.smtp.host, channel.probe_submission),
    )
    for what, host, probe in ways:
        if host:
            try:
                findings.append(_fine(subject, f"{mail.address} {what} at {host}: {await probe()}."))
            except SendError as exc:
                findings.append(_mistake(subject, f"{mail.address} at {host}: {exc.detail}."))
    findings += _where_mail_comes_in(subject, mail, public)
    if mail.smtp is not None and (public is None or not public.startswith("https://")):
        findings.append(
            _note(subject, "Without server.public_url, an https address, no marketing mail leaves: it has no way out.")
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
            yield _note(subject, f"Without server.public_url nobody reaches us where {what}.")
        elif way is not None:
            yield _fine(subject, f"{what[0].upper()}{what[1:]} at {public}/mail/{mail.name}/{path}.")


async def check_sms(settings: Settings) -> Sequence[Finding]:
    """Whether each number's provider knows us, and can reach us: nothing is sent."""
    found = await asyncio.gather(*(_check_number(number, settings) for number in settings.sms))
    return [finding for findings in found for finding in findings]


async def _check_number(number: Number, settings: Settings) -> Sequence[Finding]:
    subject, public = f"sms {number.name}", settings.server.public_url
    try:
        ours = replace(number_settings(number, public_url=public), timeout=WITHIN)
    except OSError as exc:
        return [_mistake(subject, f"The number {number.sender} cannot be set up: {_first_line(exc)}")]
    channel = Sms(ours, PROVIDERS[ours.provider](ours))
    findings: list[Finding] = []
    try:
        findings.append(_fine(subject, f"Texts leave as {await channel.probe()}."))
    except SendError as exc:
        findings.append(_mistake(subject, _refused(ours, exc)))
    finally:
        await channel.stop()
    findings.append(_where_texts_come_in(subject, ours))
    return findings


def _where_texts_come_in(subject: str, number: SmsSettings) -> Finding:
    """What is entered at the provider; without the secret in it, which would be read over a shoulder."""
    if not number.public_url:
        return _note(subject, "Without server.public_url or callback_url nobody can bring us texts and reports.")
    secret = "/<webhook_secret>" if number.webhook_secret else ""
    at = f"{number.public_url.rstrip('/')}{SMS_PATH}/{number.name}{secret}"
    told = ", with your own in place of <webhook_secret>" if secret else ""
    return _fine(subject, f"Enter at {number.provider}: {at}/inbound for texts, {at}/status for reports{told}.")


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


async def check_encoder(settings: Settings) -> Sequence[Finding]:
    """Whether the sentence encoder runs on this machine."""
    if settings.nlu.engine != "semantic":
        return []
    try:
        encoder = await asyncio.to_thread(Encoder.shared)
        await asyncio.to_thread(encoder.encode, ["hello"])
    except EncoderMissing as exc:
        return [_mistake("nlu.engine", f"It is semantic, but {exc}; until then the embedded engine answers alone.")]
    return [_fine("nlu", "The sentence encoder reads what the embedded engine is not sure of.")]


async def check_training(settings: Settings) -> Sequence[Finding]:
    """Whether the business's own training files can be learnt from and added to."""
    folder = settings.nlu.training_data
    if folder is None:
        return []
    if not await asyncio.to_thread(training_files, folder):
        return [_note("nlu.training_data", f"{folder} has no training files yet; it will begin as a copy of ours.")]
    try:
        known = await asyncio.to_thread(read_training, folder)
    except TrainingDataMistakes as mistakes:
        return [_mistake("nlu.training_data", f"{each}.") for each in mistakes.mistakes]
    except OSError as exc:
        return [_mistake("nlu.training_data", f"{folder} cannot be read ({exc.strerror}).")]
    if not os.access(folder, os.W_OK):
        return [_note("nlu.training_data", f"{folder} cannot be written to: no reviewed message can be added.")]
    reviewed = sum("interaction" in example.source for example in known.examples)
    told = f"{len(known.examples):,} examples of {len(known.intents)} intents, {reviewed:,} of them reviewed messages"
    return [_fine("nlu.training_data", f"{folder} holds {told}.")]


async def check_rasa(settings: Settings) -> Sequence[Finding]:
    """Whether a Rasa server with a model of ours is there (`/status`, `/domain`)."""
    nlu = settings.nlu
    if nlu.engine != "rasa":
        return []
    if nlu.rasa_url is None:
        return [_own_rasa(settings)]
    parameters = {"token": nlu.rasa_token.get_secret_value()} if nlu.rasa_token else {}
    try:
        async with aiohttp.ClientSession() as http:
            async with http.get(f"{nlu.rasa_url}/status", params=parameters) as answer:
                state = await _rasa_state(nlu.rasa_url, answer)
            if state.level is Level.MISTAKE:
                return [state]
            # It tells its domain to who asks for JSON or YAML by name.
            wanted = {"Accept": "application/json"}
            async with http.get(f"{nlu.rasa_url}/domain", params=parameters, headers=wanted) as answer:
                known = _intents_of(await _json(answer))
        ours = await asyncio.to_thread(_our_intents, settings)
        return [_rasa_model(nlu.rasa_url, known, ours) or state]
    except aiohttp.ClientError as exc:
        # Not the message: it holds the address with the token.
        return [_mistake("nlu.rasa_url", f"Rasa at {nlu.rasa_url} cannot be reached ({type(exc).__name__}).")]


def _own_rasa(settings: Settings) -> Finding:
    """The one that the gateway would run."""
    try:
        find_environment()
    except RasaMissing as missing:
        return _mistake("nlu.engine", f"{missing}; until then the embedded engine answers.")
    served = models_of(settings).served()
    if served is None:
        return _mistake(
            "nlu.engine",
            "Rasa has no model yet; `rapport nlu train --promote` makes one. Until then the embedded engine answers.",
        )
    return _fine("nlu", f"Rasa is run by the gateway, with the model {served}.")


async def _rasa_state(url: str, answer: aiohttp.ClientResponse) -> Finding:
    if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return _mistake(
            "nlu.rasa_token", f"Rasa at {url} refuses nlu.rasa_token; it was started with another --auth-token."
        )
    if answer.status == HTTPStatus.CONFLICT:
        return _mistake("nlu.rasa_url", f"Rasa at {url} has no model loaded; train one and start it with that.")
    try:
        state: object = await answer.json(content_type=None)
    except ValueError:
        state = None
    if answer.status != HTTPStatus.OK or not isinstance(state, dict) or "model_file" not in state:
        return _mistake("nlu.rasa_url", f"{url} answers, but not as a Rasa server does (status {answer.status}).")
    return _fine("nlu", f"Rasa at {url} answers.")


def _intents_of(domain: object) -> Sequence[str] | None:
    """Those of a model, by its domain: names, or objects with the name as their key. None: it is no domain."""
    said = cast("dict[str, object]", domain).get("intents") if isinstance(domain, dict) else None
    if not isinstance(said, list):
        return None
    names = [str(name) for each in cast("list[dict[str, object] | str]", said) for name in _names(each)]
    return [name for name in names if name not in BUILT_IN]


def _names(intent: dict[str, object] | str) -> Iterable[str]:
    return intent if isinstance(intent, dict) else (intent,)


def _our_intents(settings: Settings) -> Sequence[str]:
    """Those of the training data; none where that is wrong, which is said elsewhere."""
    folder = settings.nlu.training_data
    if folder is None or not training_files(folder):
        folder = OURS
    try:
        return read_training(folder).intents
    except (TrainingDataMistakes, OSError):
        return ()


def _rasa_model(url: str, known: Sequence[str] | None, ours: Sequence[str]) -> Finding | None:
    """What is odd about a model that knows these intents, where something is."""
    if known is None:
        return _note("nlu.rasa_url", f"Rasa at {url} answers; which intents its model knows cannot be seen.")
    if not ours:
        return None
    strange = strangers(known, ours)
    if is_another(known, ours):
        return _mistake(
            "nlu.rasa_url",
            f"Rasa at {url} has another model than ours: it knows {_some(strange)}, which are no intents here. "
            "Until it has one, the embedded engine answers.",
        )
    if strange:
        sentence = f"The model of Rasa at {url} is an old one: there is no {_some(strange)} any more."
        return _note("nlu.rasa_url", f"{sentence} `rapport nlu train --promote` makes a new one.")
    missing = [intent for intent in ours if intent not in known and intent not in BUILT_IN]
    if missing:
        sentence = f"The model of Rasa at {url} does not know {_some(missing)}."
        return _note("nlu.rasa_url", f"{sentence} `rapport nlu train --promote` makes a new one.")
    return None


def _some(names: Sequence[str]) -> str:
    """The first three, and how many more there are."""
    told = ", ".join(name[:MOST_OF_A_NAME] for name in names[:3])
    return f"{told} and {len(names) - 3} more" if len(names) > 3 else told


async def check_openid(settings: Settings) -> Sequence[Finding]:
    """Whether the business's own login is who it should be, and knows us."""
    return [
        Finding(level=Level(level), subject=subject, sentence=sentence)
        for level, subject, sentence in await inspecting_openid.look(settings)
    ]


async def check_assistant(settings: Settings) -> Sequence[Finding]:
    """Whether the business's own assistant listens on its channel, and has a model (`/status`). It is told nothing."""
    assistant = settings.assistant
    url, channel = assistant.rasa_url, assistant.rasa_channel
    if assistant.engine != "rasa" or url is None:
        return []
    shown = assistant.webhook_token
    headers = {"Authorization": f"Bearer {shown.get_secret_value()}"} if shown else {}
    parameters = {"token": assistant.rasa_token.get_secret_value()} if assistant.rasa_token else {}
    try:
        async with aiohttp.ClientSession() as http:
            # Rasa's channels answer a GET at their root with {"status": "ok"}.
            async with http.get(f"{url}/webhooks/{channel}/", headers=headers, allow_redirects=False) as answer:
                listens = _channel_state(url, channel, answer.status, await _json(answer))
            if listens.level is Level.MISTAKE:
                return [listens]
            async with http.get(f"{url}/status", params=parameters, allow_redirects=False) as answer:
                return [listens, _model_state(url, answer.status)]
    except aiohttp.ClientError as exc:
        return [_mistake("assistant.rasa_url", f"Rasa at {url} cannot be reached ({type(exc).__name__}).")]


def _channel_state(url: str, channel: str, status: int, answer: object) -> Finding:
    if status == HTTPStatus.OK and answer == {"status": "ok"}:
        return _fine("assistant", f"The assistant at {url} listens on its channel {channel}.")
    if status == HTTPStatus.NOT_FOUND:
        sentence = f"Rasa at {url} has no channel {channel}; write `{channel}:` into its credentials.yml."
        return _mistake("assistant.rasa_channel", sentence)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return _mistake("assistant.webhook_token", f"{url} does not let us in with assistant.webhook_token.")
    return _mistake("assistant.rasa_url", f"{url} answers, but not as a channel of Rasa does (status {status}).")


def _model_state(url: str, status: int) -> Finding:
    if status == HTTPStatus.OK:
        return _fine("assistant", f"The assistant at {url} has a model.")
    if status == HTTPStatus.CONFLICT:
        return _mistake("assistant.rasa_url", f"Rasa at {url} has no model loaded; train one and start it with that.")
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        why = "it refuses assistant.rasa_token, the one it was started with as --auth-token"
    else:
        why = "it was started without --enable-api"
    return _note("assistant.rasa_token", f"Whether Rasa at {url} has a model cannot be seen: {why}.")


async def _json(answer: aiohttp.ClientResponse) -> object:
    """None: it is none."""
    try:
        return await answer.json(content_type=None)
    except ValueError:
        return None


def _first_line(exc: Exception) -> str:
    """What the driver says; never SQLAlchemy's own message, which repeats statements and parameters."""
    cause = getattr(exc, "orig", None) or exc
    return (str(cause).strip().splitlines() or [type(cause).__name__])[0]


def _fine(subject: str, sentence: str) -> Finding:
    return Finding(level=Level.FINE, subject=subject, sentence=sentence)


def _note(subject: str, sentence: str) -> Finding:
    return Finding(level=Level.NOTE, subject=subject, sentence=sentence)


def _mistake(subject: str, sentence: str) -> Finding:
    return Finding(level=Level.MISTAKE, subject=subject, sentence=sentence)
