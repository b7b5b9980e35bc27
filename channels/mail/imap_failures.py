"""How a mailbox may fail us, and what that is in the words of a SendError."""

from __future__ import annotations

import imaplib
import ssl
from typing import Final

from channels.envelope import SendError, SendErrorCode


class Unauthorized(Exception):
    """The mailbox refuses our login."""


class Unencrypted(Exception):
    """The mail server does not offer STARTTLS, and nothing is said to it in the clear."""


class NoSuchFolder(Exception):
    """The mailbox has no folder of this name."""


LOST: Final = (OSError, imaplib.IMAP4.error, Unauthorized, Unencrypted, NoSuchFolder)
"""All of them: the connection is of no more use."""


def send_error(problem: Exception) -> SendError:
    match problem:
        case Unauthorized():
            return SendError(SendErrorCode.UNAUTHORIZED, "the mailbox refuses our login", whole_channel=True)
        case Unencrypted():
            return SendError(SendErrorCode.REJECTED, "the mail server does not offer STARTTLS", whole_channel=True)
        case NoSuchFolder():
            return SendError(SendErrorCode.REJECTED, f"the mailbox has no folder {problem}", whole_channel=True)
        case ssl.SSLCertVerificationError():
            return SendError(SendErrorCode.UNREACHABLE, f"the mailbox's certificate: {problem.verify_message}")
        case ssl.SSLError():
            said = f"the mailbox speaks no TLS there, or another kind of it ({problem.reason}): see port and security"
            return SendError(SendErrorCode.UNREACHABLE, said)
        case TimeoutError():
            return SendError(SendErrorCode.UNREACHABLE, "the mailbox does not answer in time")
        case OSError():
            said = problem.strerror or str(problem) or type(problem).__name__
            return SendError(SendErrorCode.UNREACHABLE, f"the mailbox cannot be reached: {said}")
        case _:
            return SendError(SendErrorCode.UNREACHABLE, "the mailbox does not answer as IMAP says")
