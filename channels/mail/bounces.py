"""Mail that came back: for whom, why, and whether there is any use in trying again.

First what RFC 3464 provides, then the shapes that mail servers without it use. A soft bounce never closes an address,
and what is doubtful is soft: see `bounce_reasons`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from channels.mail.bounce_reasons import HARD, Command, Reason
from channels.mail.bounce_reports import Report, read
from channels.mail.bounce_texts import ADDRESS, MOST, Named, named
from channels.mail.bounce_verdicts import reason_by_status, reason_in
from channels.mail.mail_systems import is_of_a_mail_system
from channels.mail.message import ParsedMail

__all__ = ["Bounce", "BounceKind", "Reason", "bounces_of"]


class BounceKind(StrEnum):
    """What follows for the address."""

    HARD = "hard"  # nobody is there: nothing more is sent
    SOFT = "soft"  # not now, or not this mail: the address stays


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounce:
    """What became of one recipient of a mail."""

    recipient: str
    """As the mail was addressed, where the report tells; else as in `final_recipient`."""
    final_recipient: str
    """The address that failed in the end, after forwarding."""
    kind: BounceKind
    reason: Reason
    delayed: bool = False
    """Not given up yet: the mail may still arrive."""
    status: str | None = None
    """RFC 3463, e.g. `5.1.1`."""
    reply_code: str | None = None
    """RFC 5321, e.g. `550`."""
    diagnostic: str = ""
    """What was said, on one line."""
    remote: str | None = None
    """The server that said it."""
    original_message_id: str | None = None
    """Message-ID of the mail that came back, without brackets: only if it is one of ours is a bounce to be "
    "believed."""


def bounces_of(mail: ParsedMail) -> tuple[Bounce, ...]:
    """What a mail says came back; empty for every mail that is no bounce, and for one that names nobody."""
    if not is_of_a_mail_system(mail):
        return ()
    report = read(mail.structure)
    delayed = bool(_WARNING.search(mail.subject) or _WARNING.search(report.prose))
    original = _identity(report.returned.get("message-id", "")) or mail.in_reply_to
    failures = _failures(mail, report)
    bounces = [_bounce(failure, report, len(failures), delayed, original) for failure in failures[:MOST]]
    return tuple({(bounce.recipient.lower(), bounce.final_recipient.lower()): bounce for bounce in bounces}.values())


@dataclass(frozen=True, kw_only=True, slots=True)
class _Failure:
    """One recipient, and all that was said of them."""

    final: str
    original: str | None
    said: str
    fields: Mapping[str, str]


def _failures(mail: ParsedMail, report: Report) -> list[_Failure]:
    returned_to = {found[0].lower() for found in ADDRESS.finditer(_returned_to(report))}
    writers = {person.address.lower() for person in (*mail.to, mail.from_)}
    writers.update(found[0].lower() for found in ADDRESS.finditer(report.returned.get("from", "")))
    told = named(report.prose, writers=writers, returned_to=returned_to)
    by_address = {one.address.lower(): one for one in told}
    failures: list[_Failure] = []
    arrived = False
    for block in report.blocks:
        final, original = _address(block, "final-recipient"), _address(block, "original-recipient")
        if not (final or original):
            continue
        if block.get("action", "failed").lower().startswith(_NO_FAILURE):
            arrived = True
            continue
        one = by_address.get(final.lower()) or by_address.get(original.lower())
        said = "\n".join(one.said) if one else told[0].said[0] if len(told) == 1 == len(report.blocks) else ""
        failures.append(_Failure(final=final or original, original=original or None, said=said, fields=block))
    if failures or arrived:
        return failures
    stated = {
        found[0].lower(): found[0] for found in ADDRESS.finditer(" ".join(mail.headers.all("x-failed-recipients")))
    }
    if stated:
        told = [by_address.get(address) or Named(address=stated[address], said=[report.prose]) for address in stated]
    told = told or [Named(address=address, said=[report.prose]) for address in sorted(returned_to - writers)[:1]]
    return [_Failure(final=one.address, original=one.original, said="\n".join(one.said), fields={}) for one in told]


_NO_FAILURE: Final = ("delivered", "relayed", "expanded")
_FOR: Final = re.compile(r"\bfor <([^<>\s]+@[^<>\s]+)>")


def _returned_to(report: Report) -> str:
    envelope = " ".join(_FOR.findall(report.returned.get("received", "")))
    return ", ".join((report.returned.get("to", ""), report.returned.get("cc", ""), envelope))


def _address(block: Mapping[str, str], name: str) -> str:
    """`rfc822; a@b` and what is written in its place; empty where that is no address."""
    value = block.get(name, "")
    value = value.partition(";")[2] if ";" in value else value
    found = ADDRESS.search(value)
    return found[0] if found else value.strip(" <>\"'") if "@" in value else ""


_WARNING: Final = re.compile(
    r"this is (?:just )?a warning|warning only|temporary failure report|only a warning|will be retried until|"
    r"(?:still|are) being retried|you do ?n[o']t need to re-?send|not need to (?:re-?send|take any action)|"
    r"no action is required|will continue (?:to|trying|for)|has not yet been delivered|\(delay\)|"
    r"delivery status notification: (?:delayed|warning)|(?:mail )?delivery delayed|delayed mail|message delayed|"
    r"attempts will continue|keep trying|will (?:re)?try (?:again|for)|is (?:still )?delayed",
    re.IGNORECASE,
)


def _bounce(failure: _Failure, report: Report, count: int, delayed: bool, original: str | None) -> Bounce:
    fields = failure.fields
    protocol, diagnostic = _typed(fields.get("diagnostic-code", ""))
    said = failure.said
    if count == 1 and not (_STATUS.search(said) or _reply_code(said)):
        said = f"{said}\n{report.prose}"
    stated = _STATUS.search(fields.get("status", ""))
    status = _status(diagnostic, said, stated[0] if stated else None)
    code = _reply_code(diagnostic) or _reply_code(said)
    command = _command(said)
    program = "unix" in protocol
    reason = next(
        (
            reason
            for text in (diagnostic, failure.said, fields.get("status", ""), said)
            if (reason := reason_in(text, status=status, command=command, of_a_program=program)) is not None
        ),
        reason_by_status(status),
    )
    action = fields.get("action", "").lower()
    delayed = action == "delayed" or (delayed and not action.startswith("failed"))
    temporary = (status or "").startswith("4") or (code or "").startswith("4")
    hard = reason in HARD and not delayed and not temporary
    return Bounce(
        recipient=failure.original or failure.final,
        final_recipient=failure.final,
        kind=BounceKind.HARD if hard else BounceKind.SOFT,
        reason=reason,
        delayed=delayed,
        status=status,
        reply_code=code,
        diagnostic=" ".join((diagnostic or failure.said).split())[:500],
        remote=fields.get("remote-mta", "").rpartition(";")[2].strip() or None,
        original_message_id=original,
    )


def _typed(value: str) -> tuple[str, str]:
    """A diagnostic opens with its type (`smtp;`), where it follows RFC 3464, 2.3.6."""
    found = re.match(r"([\w-]{1,20})\s*;", value)
    return (found[1].lower(), value[found.end() :]) if found else ("", value)


_STATUS: Final = re.compile(r"(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?![\d.]*\d)")
_REPLY_CODE: Final = re.compile(r"(?:^|(?<=[\s:>\[(\"]))(?:SMTP:)?([45]\d\d)(?=[ \-,:]|$)")


def _status(diagnostic: str, said: str, stated: str | None) -> str | None:
    """The most telling one: what the refusing server said goes before what the reporting one made of it."""
    replied: list[str] = _STATUS.findall(diagnostic)
    candidates = (*replied, stated or "", *([] if replied else _STATUS.findall(said)))
    known = [candidate for candidate in candidates if candidate and not candidate.startswith("2")]
    return next((one for one in known if not one.endswith(".0.0")), known[0] if known else None)


def _reply_code(text: str) -> str | None:
    found = _REPLY_CODE.search(text)
    return found[1] if found else None


_COMMANDS: Final[tuple[tuple[Command, re.Pattern[str]], ...]] = tuple(
    (command, re.compile(pattern, re.IGNORECASE))
    for command, pattern in (
        (
            Command.TEXT,
            r"in reply to (?:end of )?data|after (?:end of data|data|pipelined end|sending data)|"
            r"our final data|our data|after I sent the message|\(state 1[5-8]\)|\[data\]|following data",
        ),
        (
            Command.RECIPIENT,
            r"in reply to rcpt|after (?:pipelined )?rcpt|our rcpt|does not like recipient|\(state 1[34]\)|"
            r"\[rcpt_to\]|following rcpt|rejected recipient|recipient address rejected",
        ),
        (
            Command.SENDER,
            r"in reply to mail|after (?:pipelined )?mail|our mail|sender was rejected|\(state 12\)|\[mail_from\]",
        ),
        (
            Command.CONNECTION,
            r"initial connection|in reply to (?:he|eh)lo|after (?:he|eh)lo|refused to talk|greeting failed|"
            r"while performing the|\[connect\]",
        ),
    )
)
_REFUSAL: Final = re.compile(r"<<< ?[45]")
_SAID_BEFORE: Final = re.compile(r">>> ?(\w{4})\b")
_LOOSE: Final = re.compile(r"\brcpt[ _]?to\b", re.IGNORECASE)


def _command(said: str) -> Command:
    """At which word of ours the server refused."""
    said = " ".join(said.split())
    for command, pattern in _COMMANDS:
        if pattern.search(said):
            return command
    refusal = _REFUSAL.search(said)
    spoken = _SAID_BEFORE.findall(said, 0, refusal.start()) if refusal else []
    if spoken:
        return _SPOKEN.get(spoken[-1].lower(), Command.UNKNOWN)
    return Command.RECIPIENT if _LOOSE.search(said) else Command.UNKNOWN


_SPOKEN: Final = {
    "rcpt": Command.RECIPIENT,
    "mail": Command.SENDER,
    "data": Command.TEXT,
    "helo": Command.CONNECTION,
    "ehlo": Command.CONNECTION,
}


def _identity(value: str) -> str | None:
    found = re.search(r"<([^<>\s]+)>", value)
    return found[1] if found else None
