"""Why a mail came back, in a closed list of words, and which of them mean that nobody is there.

The list follows Sisimai's (libsisimai.org/en/reason), which knows the wording of most mail servers and providers:
four reasons are hard, all others are soft. What is doubtful is soft: an address closed by mistake is a customer lost,
an address tried once too often costs a mail. Sources: RFC 3463 and the IANA registry of enhanced status codes;
RFC 5321, 4.2 (reply codes); RFC 7505 and RFC 7504 (hosts that take no mail).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """Why a mail came back."""

    USER_UNKNOWN = "user_unknown"  # no such mailbox
    HOST_UNKNOWN = "host_unknown"  # no such domain
    MOVED = "moved"  # the mailbox went elsewhere
    NO_MAIL_HERE = "no_mail_here"  # the domain or host says that it takes no mail at all
    MAILBOX_FULL = "mailbox_full"
    SUSPENDED = "suspended"  # the mailbox is there, and closed: disabled, locked, inactive
    FILTERED = "filtered"  # refused after the text was sent, or with words that leave open why
    TOO_LARGE = "too_large"
    RELAY_DENIED = "relay_denied"  # that server is not responsible for the address
    UNAUTHENTICATED = "unauthenticated"  # SPF, DKIM, DMARC
    BLOCKED = "blocked"  # our server's address is on a list
    BAD_REPUTATION = "bad_reputation"
    RATE_LIMITED = "rate_limited"  # too many mails or connections from us
    GREYLISTED = "greylisted"  # come again later
    SENDER_REJECTED = "sender_rejected"
    SPAM = "spam"
    VIRUS = "virus"
    POLICY = "policy"
    CONTENT = "content"  # attachment, format
    NOT_COMPLIANT = "not_compliant"  # against RFC 5322
    NO_REVERSE_NAME = "no_reverse_name"  # our server has no PTR record
    SECURITY = "security"  # login or TLS
    SYSTEM_ERROR = "system_error"
    SYSTEM_FULL = "system_full"
    NETWORK = "network"  # no connection, no name service, a loop
    EXPIRED = "expired"  # tried for days
    LOCAL_MAILER = "local_mailer"  # a program at the recipient's failed
    UNDEFINED = "undefined"  # not said, or not in words that we know


HARD: Final = frozenset({Reason.USER_UNKNOWN, Reason.HOST_UNKNOWN, Reason.MOVED, Reason.NO_MAIL_HERE})
"""Nobody is there: writing again is of no use."""


class Command(StrEnum):
    """What had been said to the server when it refused."""

    CONNECTION = "connection"  # nothing but hello
    SENDER = "mail"
    RECIPIENT = "rcpt"
    TEXT = "data"
    UNKNOWN = "unknown"
