"""From a server's words, its status code and the moment it refused at to the reason.

What is doubtful is soft: an address closed by mistake is a customer lost, an address tried once too often costs a
mail. So the doubts are asked first; "user unknown" alone counts where the server had seen nothing but the address,
for after the text filters say so, too; and a refusal of our server or sender says nothing about the recipient.
"""

from __future__ import annotations

import re
from typing import Final

from channels.mail.bounce_reasons import HARD, Command, Reason
from channels.mail.bounce_words import DOUBTS, HOST, LIKELY, MOVED, NO_MAIL_HERE, REFUSED_AS_UNKNOWN, SURE


def reason_in(said: str, *, status: str | None, command: Command, of_a_program: bool = False) -> Reason | None:
    """The reason in a server's words; None where they say none that we know.

    `status`: enhanced status code, e.g. `5.1.1`, None where none is stated. `of_a_program`: the words are those of a
    program that delivers locally (`x-unix`), not of a mail server.
    """
    text = _normalised(said)
    if command is not Command.TEXT and REFUSED_AS_UNKNOWN.search(text):
        return Reason.USER_UNKNOWN
    found = _doubts(text, status)
    if found is None:
        found = Reason.LOCAL_MAILER if of_a_program else _nobody_there(text, status, command)
    return found


def reason_by_status(status: str | None) -> Reason:
    """What an enhanced status code says where nothing else does."""
    if status is None:
        return Reason.UNDEFINED
    if status.startswith("4.4.7"):
        return Reason.EXPIRED
    permanent = _OF_STATUS.get("5" + status[1:])
    if permanent is not None and (status.startswith("5.") or permanent not in HARD):
        return permanent
    return _OF_SUBJECT.get(status.split(".")[1], Reason.UNDEFINED)


_ADDRESS: Final = re.compile(
    r"<[^<>\s]{0,300}@[^<>\s]{0,300}>|[^\s<>()\[\]\"'@,;:：（）]{1,100}@[^\s<>()\[\]\"'@,;:：（）]{1,200}"
)
_LINK: Final = re.compile(r"https?://\S{1,2000}")
_SPACE: Final = re.compile(r"\s+")
LONGEST: Final = 8_000
"""Characters of what a server said that are looked at; what matters stands in front."""


def _normalised(said: str) -> str:
    """Lower case on one line, addresses and links out of the way: a mailbox may be called `spam`."""
    text = _ADDRESS.sub("@", _LINK.sub(_link, said[:LONGEST]))
    return _SPACE.sub(" ", text).lower().replace("’", "'")


def _link(found: re.Match[str]) -> str:
    """Some servers say no more than the name of the list that we are on."""
    return "spamhaus" if "spamhaus" in found[0] else "groups.google.com" if "groups.google.com" in found[0] else "link"


_STILL_HARD_WITH_5_1_1: Final = frozenset(
    {Reason.EXPIRED, Reason.SYSTEM_ERROR, Reason.NETWORK, Reason.CONTENT, Reason.SECURITY, Reason.SPAM}
)
"""Doubts that rest on words that also stand in courtesies ("check the address and try again later")."""


def _doubts(text: str, status: str | None) -> Reason | None:
    return next(
        (reason for reason, pattern in DOUBTS if pattern.search(text) and not _outweighed(reason, text, status)), None
    )


def _outweighed(reason: Reason, text: str, status: str | None) -> bool:
    return reason in _STILL_HARD_WITH_5_1_1 and bool(SURE.search(text) or (status == "5.1.1" and LIKELY.search(text)))


def _nobody_there(text: str, status: str | None, command: Command) -> Reason | None:
    """A hard reason, if these words and the moment they were said at leave no doubt."""
    if command in {Command.CONNECTION, Command.SENDER}:
        return None
    if MOVED.search(text):
        return Reason.MOVED
    if NO_MAIL_HERE.search(text):
        return Reason.NO_MAIL_HERE
    bad_address = status is not None and re.match(r"5\.(?:1\.(?:1|3|10|351)|2\.1)$", status) is not None
    if SURE.search(text) and (command != Command.TEXT or bad_address or "account" in text):
        return Reason.USER_UNKNOWN
    if command != Command.TEXT and HOST.search(text):
        return Reason.HOST_UNKNOWN
    if LIKELY.search(text) or SURE.search(text):
        return Reason.USER_UNKNOWN if bad_address or command == Command.RECIPIENT else Reason.FILTERED
    return None


_OF_STATUS: Final[dict[str, Reason]] = {
    "5.1.1": Reason.USER_UNKNOWN,
    "5.1.2": Reason.HOST_UNKNOWN,
    "5.1.3": Reason.USER_UNKNOWN,
    "5.1.6": Reason.MOVED,
    "5.1.7": Reason.SENDER_REJECTED,
    "5.1.8": Reason.SENDER_REJECTED,
    "5.1.10": Reason.NO_MAIL_HERE,
    "5.1.351": Reason.USER_UNKNOWN,
    "5.2.0": Reason.FILTERED,
    "5.2.1": Reason.SUSPENDED,
    "5.2.2": Reason.MAILBOX_FULL,
    "5.2.3": Reason.TOO_LARGE,
    "5.3.1": Reason.SYSTEM_FULL,
    "5.3.2": Reason.NO_MAIL_HERE,
    "5.3.4": Reason.TOO_LARGE,
    "5.4.4": Reason.HOST_UNKNOWN,
    "5.4.7": Reason.EXPIRED,
    "5.7.13": Reason.SUSPENDED,
    "5.7.25": Reason.NO_REVERSE_NAME,
    "5.7.26": Reason.UNAUTHENTICATED,
}
_OF_SUBJECT: Final[dict[str, Reason]] = {
    "2": Reason.FILTERED,
    "3": Reason.SYSTEM_ERROR,
    "4": Reason.NETWORK,
    "5": Reason.SYSTEM_ERROR,
    "6": Reason.CONTENT,
    "7": Reason.POLICY,
}
"""RFC 3463, 3: what the second number speaks of."""
