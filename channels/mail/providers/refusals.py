"""What a server's refusal is about: an address that is not there, or this one mail."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parseaddr
from typing import Final

TRACED: Final = "rapport_message_id"
"""The name under which our Message-ID travels in a provider's metadata."""

_LONGEST_ADDRESS: Final = 2_000
"""Characters, with its name: nobody has a longer one, and reading one costs more than its length."""
_LONGEST_ANSWER: Final = 10_000
_CODE: Final = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_BASIC: Final = re.compile(r"(?<!\d)4[0-5]\d(?!\d)")
_ABOUT_THE_ADDRESS: Final = frozenset({"0.0", "2.1", "4.1", "4.4", "5.0"})
"""Subject and detail (RFC 3463), beside all of subject 1; 5.4.1 is Exchange's word for an unknown recipient, 5.4.4 a
domain without a server, 5.0.0 and 5.5.0 say nothing and stand beside a basic 550."""
_GONE: Final = re.compile(
    r"user unknown|unknown user|no such (?:user|recipient|mailbox|address|account)|does ?n[o']t exist|not exist"
    r"|invalid (?:recipient|mailbox|address)|recipient (?:not found|unknown)|mailbox (?:unavailable|not found)"
    r"|account (?:disabled|closed|suspended)|address rejected|unrouteable",
    re.IGNORECASE,
)
_MAIL_ONLY: Final = re.compile(
    r"quota|mailbox (?:is )?full|spam|blocked|black ?list|block ?list|policy|reputation|rate limit"
    r"|too (?:large|big)|try again|temporar|greylist|throttl",
    re.IGNORECASE,
)


def address_is_gone(answer: str | None) -> bool | None:
    """Whether a server's last answer says that nobody will be reached there again; None: it does not say.

    The enhanced status code (RFC 3463) goes before words. A full mailbox (5.2.2), a policy (5.7.x), a mail too large
    (5.3.4) and a mail that circled (5.4.6) are no reason to close an address.
    """
    if not answer:
        return None
    answer = answer[:_LONGEST_ANSWER]
    code = _CODE.search(answer)
    if code is not None:
        kind, subject, detail = code.groups()
        return kind == "5" and (subject == "1" or f"{subject}.{detail}" in _ABOUT_THE_ADDRESS)
    if _MAIL_ONLY.search(answer) or _BASIC.match(answer.strip()):
        return False
    return True if _GONE.search(answer) else None


def gone_for_good(permanent: bool | None, answer: str | None) -> bool | None:
    """A provider's word that a bounce is permanent, held against what the recipient's server said."""
    if permanent is not True:
        return permanent
    said = address_is_gone(answer)
    return True if said is None else said


def plain_address(text: str | None) -> str | None:
    """`Ann <ann@example.org>` without its name."""
    if text is None or len(text) > _LONGEST_ADDRESS:
        return None
    return (parseaddr(text)[1] or text) if "<" in text else text.strip() or None


def traced(metadata: Mapping[str, object]) -> str | None:
    """Our Message-ID, where we had put it into the provider's metadata."""
    value = metadata.get(TRACED)
    return value if isinstance(value, str) else None


def bracketed(message_id: str | None) -> str | None:
    """A Message-ID as it stands in the header."""
    return f"<{message_id}>" if message_id and not message_id.startswith("<") else message_id
