"""Letters: by mail all that is said in one Turn is one letter, with a salutation above it and a closing below."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from bot.effects import Effect, Say
from bot.playbook import Playbook
from bot.turn import Turn
from nlu.understanding import Language

SCHEME = "mailto"
LONGEST_NAME = 40
MOST_NAME_WORDS = 5

_NAME = re.compile(r"[^\W\d_](?:[^\W\d_]|[ '’·‧-]|\.(?= |$))*")
"""What can be a name; no address of a page: somebody else may have written it, for us to send it to a third."""
_GREETS = re.compile(
    r"(?:[您你](?:们|們)?好|早上好|早安|晚上好|欢迎|歡迎|(?:hi|hello|hey|welcome|good (?:morning|evening))\b)",
    re.IGNORECASE,
)

_ADDRESSES = re.compile(
    _GREETS.pattern + r"|(?:dear|greetings)\b|(?:尊敬|敬愛|敬爱|亲爱|親愛)的" + r"|[^\n]{1,20}[您你]好[,，:：!！。\n]",
    re.IGNORECASE,
)
"""How a letter begins that needs no salutation of ours."""
_CLOSES = re.compile(
    r"(?:(?:with )?(?:kind|best|warm|many)?\s*(?:regards|wishes)|(?:yours )?(?:sincerely|faithfully)|yours|cheers"
    r"|all the best)[,.!]?$|此致|敬[礼禮]|祝好|(?:顺|順|敬)[祝颂頌]|祝[您你]|.{0,20}(?:敬上|谨上|謹上)$",
    re.IGNORECASE,
)


def as_letters(effects: Sequence[Effect], turn: Turn, playbook: Playbook) -> list[Effect]:
    """The effects of a Turn on a channel of letters."""
    return [
        replace(each, text=_letter(each, turn, playbook)) if isinstance(each, Say) else each
        for each in _in_one_letter(effects)
    ]


def around(text: str, *, name: str | None, agent: str, playbook: Playbook, language: Language) -> tuple[str, str]:
    """What stands above and below what a person of the house writes by mail; empty where they wrote it themselves."""
    texts, known = playbook.texts[language], name_in(name)
    salutation = texts["mail.salutation" if known else "mail.salutation_nameless"][0].say({"name": known})
    closing = texts["mail.agents_closing"][0].say({"business": playbook.policy.name[language], "agent": agent})
    last = text.rstrip().splitlines()[-3:]
    signed = any(line.strip() == agent for line in last) or any(_CLOSES.match(line.strip()) for line in last)
    return ("" if _ADDRESSES.match(text.lstrip()) else salutation, "" if signed else closing)


def name_in(words: str | None) -> str:
    """A person's name as one says it, from what their mail program calls them; empty where it is none."""
    name = " ".join((words or "").strip(" \t\"'“”‘’").split())
    last, comma, first = name.partition(",")
    if comma and first.strip():
        name = f"{first.strip()} {last.strip()}"
    if len(name) > LONGEST_NAME or len(name.split()) > MOST_NAME_WORDS or _NAME.fullmatch(name) is None:
        return ""
    return name


def _in_one_letter(effects: Sequence[Effect]) -> list[Effect]:
    """Who writes one mail with two questions in it gets one mail with both answers, where the last of them was."""
    said = [effect for effect in effects if isinstance(effect, Say)]
    plain = not any(each.buttons or each.attachments or each.custom for each in said)
    if len(said) < 2 or not plain or len({each.purpose for each in said}) > 1:
        return list(effects)
    letter = replace(said[-1], text="\n\n".join(each.text for each in said))
    last = max(place for place, effect in enumerate(effects) if isinstance(effect, Say))
    done = [effect for effect in effects[:last] if not isinstance(effect, Say)]
    return [*done, letter, *effects[last + 1 :]]


def _letter(say: Say, turn: Turn, playbook: Playbook) -> str:
    policy, language = playbook.policy, say.language
    name = name_in(turn.contact.name)
    values = {"name": name, "business": policy.name[language], "assistant": policy.assistant[language]}

    def words(key: str) -> str:
        variants = playbook.texts[language][key]
        return variants[turn.seed % len(variants)].say(values)

    greeted = _GREETS.match(say.text) is not None
    salutation = "" if greeted else words("mail.salutation" if name else "mail.salutation_nameless")
    return "\n\n".join(part for part in (salutation, say.text, words("mail.closing")) if part)
