"""Recipients that a mail system names in its prose, each with what it says about them.

Mail servers write their reports in a few shapes, whatever their name and language: a line that begins with the
address (qmail, Exim, Postfix, Exchange, Gmail, Domino, …), a label before it (`RCPT TO:`, `Unknown user:`,
`收件人：`), or a sentence that has it. The shapes are tried in this order, and the first that names anybody counts.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

_BAD: Final = r"\s<>()\[\]\"@,;:\\：（）【】《》“”「」、，。"
ADDRESS: Final = re.compile(
    rf"(?:\"[^\"\n@]{{1,64}}\"|(?<![^{_BAD}'*|])[^{_BAD}'*|][^{_BAD}]{{0,127}})@[^{_BAD}']{{1,253}}(?<![.!?-])"
)
_OPENING: Final = re.compile(
    rf"^(?:[*•·>#\- \t]|\d{{1,3}}[.)](?=[ \t]))*+(?:mailto:|smtp:)?[\"'<\[(【]*({ADDRESS.pattern})[\"'>\])】]*",
    re.IGNORECASE,
)
_LABEL: Final = re.compile(
    rf"(?:rcpt(?: to)?|recipients?(?: address| mail address)?|error-for|unknown user|user unknown|addressee|"
    rf"delivered to|deliver to|delivery to|delivering your mail to|deliver message to|deliver your message to|"
    rf"delivered|mail address|failed(?: address)?|undeliverable to|wasn't delivered to|sent to|message to|mail to|"
    rf"attempts|收件人(?:邮件地址|地址)?|收\s*件\s*人|收件者|發送至|发送至|发往|投递至|宛先|получател\w+|"
    rf"destinatario|"
    rf"destinataire|empfänger|destinatário)[^\S\n]*[:：]?[^\S\n]*\n?[^\S\n]*[\"'<\[(（【“]*({ADDRESS.pattern})",
    re.IGNORECASE,
)
_NOT_OF_A_RECIPIENT: Final = re.compile(
    r"^[ \t>*]*(?:from|sender|to|cc|subject|sent|date|message-id|reply-to|mail from|发件人|發件人|主题|envelope-from|"
    r"message-id|x-postfix-sender|in-reply-to|references|(?:original|final)-recipient|received)\s*[:：]",
    re.IGNORECASE,
)
_CONTACT: Final = re.compile(
    r"contact|e-?mail to (?:<?postmaster|<?support)|send (?:e-?)?mail to|assistance|forward (?:this|it)|report this|"
    r"help|mail from\s*<?$|\bby\s*<?$|联系|聯繫|连络|問い合わせ|ご連絡|sent by|message from|sender was",
    re.IGNORECASE,
)
_ALIAS: Final = re.compile(rf"(?:generated|expanded) from:?\s*<?({ADDRESS.pattern})", re.IGNORECASE)
MOST: Final = 1_000
"""Recipients of one report."""


@dataclass(slots=True)
class Named:
    """A recipient, and what is said about them."""

    address: str
    original: str | None = None
    """The address that was written to, where this one is what became of it."""
    said: list[str] = field(default_factory=list[str])


def named(prose: str, *, writers: Collection[str], returned_to: Collection[str]) -> list[Named]:
    """The recipients that a report names.

    `writers`: addresses of those who wrote the mail or the report, in lower case: not taken for recipients while
    there are others. `returned_to`: addresses that the returned mail was for.
    """
    found = _in_own_lines(prose.split("\n"))
    others = [one for one in found if one.address.lower() not in writers]
    if others or (found and not returned_to):
        return _with_their_words(others or found)
    labelled = _unique(found[1] for found in _LABEL.finditer(prose) if not _mere_contact(prose, found.start()))
    told = [address for address in labelled if address.lower() not in writers]
    if not told:
        told = _unique(found[0] for found in ADDRESS.finditer(prose) if not _mere_contact(prose, found.start()))
        told = [address for address in told if address.lower() not in writers]
    meant = [address for address in told if address.lower() in returned_to] or told
    return [Named(address=address, said=[prose]) for address in meant[:MOST]]


def _in_own_lines(lines: list[str]) -> list[Named]:
    """Those whose address opens a line; what follows up to the next one is about them."""
    known: dict[str, Named] = {}
    current: Named | None = None
    before = ""
    for line in lines:
        opening = _OPENING.match(line)
        alias = _ALIAS.search(line)
        if alias and current is not None:
            current.original = current.original or alias[1]
        elif opening and not _CONTACT.search(before) and not _NOT_OF_A_RECIPIENT.match(line) and len(known) < MOST:
            current = known.setdefault(opening[1].lower(), Named(address=opening[1]))
            current.said.append(line[opening.end() :])
        elif current is not None:
            current.said.append(line)
        before = line if line.strip() else before
    return list(known.values())


def _with_their_words(entries: list[Named]) -> list[Named]:
    """What is said once for several goes to all of them; a line that names one of them is about that one."""
    if len(entries) == 1:
        return entries
    owners = {entry.address.lower(): entry for entry in entries}
    following: list[str] = []
    for entry in reversed(entries):
        if not any(character.isalpha() for line in entry.said for character in line):
            entry.said = list(following)
        following = entry.said
    stray: list[tuple[Named, str]] = []
    for entry in entries:
        kept: list[str] = []
        for line in entry.said:
            mentioned = {address[0].lower() for address in ADDRESS.finditer(line)} & owners.keys()
            if mentioned and entry.address.lower() not in mentioned:
                stray.extend((owners[address], line) for address in mentioned)
            else:
                kept.append(line)
        entry.said = kept
    for owner, line in stray:
        if line not in owner.said:
            owner.said.append(line)
    return entries


def _mere_contact(prose: str, at: int) -> bool:
    start = prose.rfind("\n", 0, at) + 1
    line = prose[start:at]
    return bool(_CONTACT.search(line) or _NOT_OF_A_RECIPIENT.match(line))


def _unique(addresses: Iterable[str]) -> list[str]:
    return list({address.lower(): address for address in addresses}.values())
