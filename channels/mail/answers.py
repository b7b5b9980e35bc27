"""What an SMTP server's refusal means for the mail, its recipient and the channel.

RFC 5321, 4.2 (codes); RFC 3463 and 5248 (enhanced status codes); what servers write where they leave them out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from channels.envelope import SendError, SendErrorCode

GREYLISTED: Final = 300.0
"""Seconds after which a greylisting server usually lets a mail pass, where it names none."""
PAUSED: Final = 60.0
"""Seconds, after a server said that it cannot serve us now."""
FULL: Final = 4 * 3600.0
"""Seconds, after a mailbox was full."""
SPENT: Final = 3600.0
"""Seconds, after a quota of ours was used up."""
LONGEST_PAUSE: Final = 86_400.0
"""Seconds; a server may name any number."""

_STATUS: Final = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_SECONDS: Final = re.compile(
    r"\b(\d{1,6})\s*(?:s|sec|seconds?|秒)\b|\b(\d{1,4})\s*(?:m|min|minutes?|分钟|分鐘)\b", re.IGNORECASE
)
_CLOCK: Final = re.compile(r"\b(\d{1,2}):(\d{2}):(\d{2})\b")
_GREY: Final = re.compile(r"gr[ea]y-?list|try again (?:in|after|later)|postgrey|retry (?:in|after|time)", re.IGNORECASE)
_NOBODY: Final = re.compile(
    r"(?:user|mailbox|recipient|account|address|addressee)\b.{0,60}?\b(?:unknown|not found|not exist|no longer|invalid"
    r"|doesn'?t exist|does not exist|not known|disabled|inactive|not a valid)|no such|unknown (?:user|recipient|mailbox"
    r"|address|local)|no mailbox|not our (?:user|customer)|doesn'?t have|invalid (?:recipient|mailbox|address|user)"
    r"|不存在|无此|查无",
    re.IGNORECASE,
)
_NO_ROOM: Final = re.compile(r"full|quota|over ?limit|exceeded storage|insufficient|容量", re.IGNORECASE)
_THEIR_ROOM: Final = re.compile(r"mailbox|storage|inbox|disk|recipient|size|length", re.IGNORECASE)
_OUR_QUOTA: Final = re.compile(
    r"(?:sending|daily|hourly|message|outbound|submission)\b.{0,30}?\b(?:quota|limit|rate|threshold)"
    r"|throttl|rate (?:limit )?exceed|too many (?:messages|emails|mails|connections|concurrent)"
    r"|(?:sender|client) thread limit",
    re.IGNORECASE,
)
_RELAY: Final = re.compile(
    r"relay(?:ing)?\b.{0,20}\b(?:denied|not permitted|prohibited|not allowed)|unable to relay|authenticat",
    re.IGNORECASE,
)


class Stage(StrEnum):
    """What was answered."""

    GREETING = "connecting"  # the first line, EHLO, STARTTLS
    LOGIN = "AUTH"
    SENDER = "MAIL"
    RECIPIENT = "RCPT"
    CONTENT = "DATA"  # the word itself and what follows it


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """A server's answer."""

    code: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return " ".join(self.lines)

    @property
    def status(self) -> tuple[int, int, int] | None:
        """The enhanced status code (RFC 2034)."""
        found = _STATUS.match(self.lines[0].lstrip()) or _STATUS.search(self.text)
        return (int(found[1]), int(found[2]), int(found[3])) if found else None


def refusal(reply: Reply, stage: Stage) -> SendError:
    """A negative answer as the SendError that it is."""
    detail = _told(reply, stage)
    if reply.code in (530, 534, 535, 538) or (stage is Stage.LOGIN and reply.code >= 500):
        return SendError(SendErrorCode.UNAUTHORIZED, detail, whole_channel=True)
    if 400 <= reply.code < 500:
        return _for_now(reply, stage, detail)
    if reply.code >= 500:
        return _for_good(reply, stage, detail)
    return SendError(SendErrorCode.PROVIDER_ERROR, f"not an answer to this: {detail}")


def _for_now(reply: Reply, stage: Stage, detail: str) -> SendError:
    """4yz. Ours or the server's state holds for everybody; the recipient's (X.1, X.2, greylisting) for them alone."""
    status, text = reply.status, reply.text
    server = (
        reply.code in (421, 432, 454)
        or stage in (Stage.GREETING, Stage.LOGIN)
        or (status is not None and status[1] == 3)
        or _our_quota(reply)
    )
    asked = _asked(text)
    if status is not None and status[1:] == (2, 2):
        return SendError(SendErrorCode.RATE_LIMITED, detail, retry_after=asked or FULL)
    if not server and _GREY.search(text):
        return SendError(SendErrorCode.RATE_LIMITED, detail, retry_after=asked or GREYLISTED)
    return SendError(SendErrorCode.RATE_LIMITED, detail, retry_after=asked or PAUSED, whole_channel=server)


def _for_good(reply: Reply, stage: Stage, detail: str) -> SendError:
    """5yz. Before a recipient was named, it is about us. Where a server leaves it open, no address is closed."""
    status = reply.status
    if stage is Stage.GREETING:
        return SendError(SendErrorCode.UNAUTHORIZED, detail, whole_channel=True)
    if status is not None and status[1:] in ((7, 8), (7, 9)):
        return SendError(SendErrorCode.UNAUTHORIZED, detail, whole_channel=True)
    if (status is not None and status[1:] == (4, 5)) or _our_quota(reply):
        return SendError(
            SendErrorCode.RATE_LIMITED, detail, retry_after=_asked(reply.text) or SPENT, whole_channel=True
        )
    if status is not None:
        code = _BY_STATUS.get(status[1:]) or _BY_SUBJECT.get(status[1])
        if status[1:] == (2, 2):
            return SendError(SendErrorCode.RATE_LIMITED, detail, retry_after=FULL)
        if code is not None and (stage is not Stage.SENDER or code in _WHOEVER_WRITES):
            return SendError(code, detail)
    if stage is Stage.SENDER and reply.code != 552:
        return SendError(SendErrorCode.UNAUTHORIZED, detail, whole_channel=True)
    return _without_status(reply, stage, detail)


def _our_quota(reply: Reply) -> bool:
    """Whether it is we who sent too much, and not they who have too little room."""
    of_mailbox = reply.status is not None and reply.status[1] == 2
    return not of_mailbox and bool(_OUR_QUOTA.search(reply.text)) and not _THEIR_ROOM.search(reply.text)


def _without_status(reply: Reply, stage: Stage, detail: str) -> SendError:
    match reply.code:
        case 552 if _NO_ROOM.search(reply.text) and stage is Stage.RECIPIENT:
            return SendError(SendErrorCode.RATE_LIMITED, detail, retry_after=FULL)
        case 552 | 523:
            return SendError(SendErrorCode.TOO_LARGE, detail)
        case 550 | 551 | 553 | 511 if stage is Stage.RECIPIENT and _NOBODY.search(reply.text):
            return SendError(SendErrorCode.BAD_ADDRESS, detail)
        case 551 | 556 if stage is Stage.RECIPIENT:
            return SendError(SendErrorCode.BAD_ADDRESS, detail)
        case 550 | 554 if stage is Stage.RECIPIENT and _RELAY.search(reply.text):
            return SendError(SendErrorCode.UNAUTHORIZED, detail, whole_channel=True)
        case _:
            return SendError(SendErrorCode.REJECTED, detail)


_BY_STATUS: Final = {
    (1, 1): SendErrorCode.BAD_ADDRESS,  # no such mailbox
    (1, 2): SendErrorCode.BAD_ADDRESS,  # no such domain
    (1, 3): SendErrorCode.BAD_ADDRESS,  # not an address
    (1, 6): SendErrorCode.BAD_ADDRESS,  # moved, no forwarding
    (1, 10): SendErrorCode.BAD_ADDRESS,  # the domain says that it takes no mail (RFC 7505)
    (1, 7): SendErrorCode.REJECTED,  # our own address
    (1, 8): SendErrorCode.REJECTED,
    (2, 3): SendErrorCode.TOO_LARGE,
    (3, 4): SendErrorCode.TOO_LARGE,
    (6, 7): SendErrorCode.UNSUPPORTED,  # no addresses beyond ASCII (RFC 6531)
    (6, 9): SendErrorCode.UNSUPPORTED,
    (6, 10): SendErrorCode.UNSUPPORTED,
}
_WHOEVER_WRITES: Final = (SendErrorCode.TOO_LARGE, SendErrorCode.UNSUPPORTED, SendErrorCode.PROVIDER_ERROR)
"""What an answer to MAIL may say of this one mail; everything else it says is said of us."""

_BY_SUBJECT: Final = {
    2: SendErrorCode.REJECTED,  # the mailbox is closed to us, for whatever time
    3: SendErrorCode.PROVIDER_ERROR,
    4: SendErrorCode.PROVIDER_ERROR,  # the way there
    5: SendErrorCode.REJECTED,
    6: SendErrorCode.REJECTED,
    7: SendErrorCode.REJECTED,
}


def _asked(text: str) -> float | None:
    if found := _SECONDS.search(text):
        return min(float(found[1]) if found[1] else float(found[2]) * 60, LONGEST_PAUSE) or None
    if found := _CLOCK.search(text) if _GREY.search(text) else None:
        return min(int(found[1]) * 3600.0 + int(found[2]) * 60 + int(found[3]), LONGEST_PAUSE) or None
    return None


def _told(reply: Reply, stage: Stage) -> str:
    """For a person to read. What a server says of a login may hold what we said."""
    if stage is Stage.LOGIN:
        return f"the mail server refuses our login ({reply.code})" if reply.code >= 500 else f"{reply.code} at {stage}"
    words = "".join(c if c.isprintable() else " " for c in reply.text)
    return f"{reply.code} at {stage}: {words[:200]}"
