"""Talk: the desk on which one Turn is worked out. What skills see, and how they speak and act."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from bot import letters, when
from bot.assistant import Ask
from bot.effects import AskAssistant, Effect, HandOff, LearnAboutContact, Lookup, Remember, Say
from bot.heard import Heard, hear
from bot.memory import Choice, Memory, Option
from bot.playbook import Playbook
from bot.policy import Policy
from bot.turn import CaseFacts, CaseStatus, ConversationFacts, LookupKind, LookupResult, Owner, Purpose, Turn
from bot.wordings import SHORT
from channels.envelope import Button
from nlu.understanding import Language


class LookupNeeded(Exception):
    """The Turn cannot be answered before the business's system was asked; the engine returns `lookups` alone."""

    def __init__(self, lookups: Sequence[Lookup]) -> None:
        super().__init__(*(lookup.kind for lookup in lookups))
        self.lookups = tuple(lookups)


class AssistantNeeded(Exception):
    """The Turn cannot be answered before the business's own assistant was asked; the engine returns `asking` alone."""

    def __init__(self, asking: AskAssistant) -> None:
        super().__init__(len(asking.asks))
        self.asking = asking


class Talk:
    """One Turn on the desk. It changes while the Turn is worked out and is thrown away after it."""

    def __init__(self, turn: Turn, playbook: Playbook) -> None:
        self.turn = turn
        self.playbook = playbook
        self.memory = Memory.read(turn.conversation.memory)
        self.messages = turn.messages
        """Those that are not dealt with yet."""
        self.heard = hear(turn.messages) if turn.messages else Heard()
        self.language = self._choose_language()
        self.skill = ""
        """Who is speaking now."""
        self.aside = False
        """Something in between: it is answered without opening a choice, because another question stays open."""
        self.effects: list[Effect] = []
        self.asks: list[Ask] = []
        """What the business's own assistant shall answer."""
        self._texts = playbook.texts[self.language]

    # What is known

    @property
    def policy(self) -> Policy:
        return self.playbook.policy

    @property
    def now(self) -> datetime:
        return self.turn.now

    @property
    def conversation(self) -> ConversationFacts:
        return self.turn.conversation

    @property
    def ours(self) -> bool:
        """The bot owns the conversation: nobody is talked over."""
        return self.turn.conversation.owner is Owner.BOT

    @property
    def is_handed_over(self) -> bool:
        """In this Turn: people go on from here."""
        return any(isinstance(effect, HandOff) for effect in self.effects)

    @property
    def short(self) -> bool:
        """Each segment is paid for: what has a short form is said so."""
        return self.turn.channel.scheme == "tel"

    @cached_property
    def zone(self) -> ZoneInfo:
        """The customer's time zone where we know it, else the business's."""
        return when.zone_named(self.turn.contact.time_zone) or self.playbook.hours.time_zone

    @property
    def business(self) -> str:
        return self.policy.name[self.language]

    @property
    def name(self) -> str:
        """How the customer is called; empty where we do not know."""
        return quote(self.turn.contact.name or "", 40)

    def means(self, intent: str) -> bool:
        """This is what they mean, before anything else."""
        main = self.heard.intent
        return main is not None and main.name == intent and self.sure(intent)

    def product(self, words: str) -> str:
        """As the business calls it in the language spoken; else the words themselves."""
        product = self.policy.product(words)
        return product.names[self.language] if product is not None else quote(words, 60)

    def case(self, number: str | None) -> CaseFacts | None:
        return next((case for case in self.turn.cases if case.number == number), None)

    def open_case(self) -> CaseFacts | None:
        """The latest case that is still to be done."""
        return next((case for case in self.turn.cases if case.status in {CaseStatus.OPEN, CaseStatus.WAITING}), None)

    def sure(self, *intents: str) -> bool:
        return self.heard.confidence(*intents) >= self.policy.confidence.sure

    def moment(self, instant: datetime) -> str:
        return when.moment(instant, self.now, self.zone, self.language)

    def lookup(self, kind: LookupKind, key: str = "") -> LookupResult:
        """What the business's system says. Raises LookupNeeded in a Turn's first run."""
        self.foresee(kind, [key])
        for result in self.turn.lookups:
            if result.kind is kind and result.key == key:
                return result
        # A Turn is run again only once: what was not asked for the first time stays unknown in it.
        return LookupResult(kind=kind, key=key, failure="not asked in this turn")

    def foresee(self, kind: LookupKind, keys: Sequence[str]) -> None:
        """Ask for all that will be looked up, at once. Raises LookupNeeded in a Turn's first run."""
        if keys and not self.turn.lookups:
            raise LookupNeeded([Lookup(kind=kind, key=key) for key in keys])

    # What is said and done

    def text(self, key: str, **values: str) -> str:
        variants = (self._texts.get(key + SHORT) if self.short else None) or self._texts[key]
        return variants[self.turn.seed % len(variants)].say(values)

    def staff_text(self, key: str, **values: str) -> str:
        """In the language of the business's staff."""
        return self.playbook.texts[self.policy.staff_language][key][0].say(values)

    def say(self, key: str, **values: str) -> None:
        self.say_text(self.text(key, **values))

    def say_text(self, text: str, *, buttons: tuple[Button, ...] = (), purpose: Purpose = Purpose.SERVICE) -> None:
        self.effects.append(Say(text=text, buttons=buttons, purpose=purpose, language=self.language, skill=self.skill))

    def ask(
        self,
        text: str,
        options: Sequence[Option],
        *,
        about: Heard | None = None,
        purpose: Purpose = Purpose.SERVICE,
        shortcuts: bool = False,
    ) -> None:
        """Say it with a choice: buttons where the channel has enough of them, else a numbered list.

        `shortcuts`: the question is answered in words, and the options only save some of them; they are not listed.
        """
        fits = len(options) <= self.turn.channel.buttons
        if self.aside or not options or (shortcuts and not fits):
            self.say_text(text, purpose=purpose)
            return
        memory = self.memory
        memory.serial += 1
        memory.choice = Choice(serial=memory.serial, options=tuple(options), about=about)
        if fits:
            buttons = tuple(
                Button(label=option.label, value=f"choice:{memory.serial}:{number}")
                for number, option in enumerate(options, start=1)
            )
            self.say_text(text, buttons=buttons, purpose=purpose)
            return
        numbered = "\n".join(f"{number}. {option.label}" for number, option in enumerate(options, start=1))
        self.say_text(f"{text}\n\n{numbered}\n{self.text('choice.how')}", purpose=purpose)

    def act(self, effect: Effect) -> None:
        self.effects.append(effect)

    def finish(self) -> tuple[Effect, ...]:
        """All effects of the Turn, with what changed about the contact first and in memory last."""
        if self.turn.channel.scheme == letters.SCHEME:
            self.effects = letters.as_letters(self.effects, self.turn, self.playbook)
        memory = self.memory.write()
        if memory != self.turn.conversation.memory:
            self.effects.append(Remember(memory=memory))
        return tuple(self.effects)

    # Languages

    def speak(self, language: Language) -> None:
        self.language = language
        self.memory.language = language
        self._texts = self.playbook.texts[language]

    def _choose_language(self) -> Language:
        """The language of the message; where it tells nothing, the one we spoke before, or that of their app."""
        hint = next((message.hint for message in reversed(self.messages) if message.hint is not None), None)
        guess = Language.EN if _LATIN_WORDS.search(self.heard.text) else self.playbook.policy.language
        known = (self.memory.language, self.turn.contact.language, hint, guess)
        now = self.heard.language
        if now is None or (self.memory.language not in {None, now} and _is_fragment(self.heard)):
            return next(language for language in known if language is not None)
        if self.heard.either_script:
            chinese = (language for language in known if language not in {None, Language.EN})
            return next((language for language in chinese if language is not None), now)
        return now

    def learn(self) -> None:
        """Keep the language and the ways to reach the customer that they told us."""
        spoken = self.heard.language
        language = self.language if spoken is not None and self.turn.contact.language is not self.language else None
        if spoken is not None and self.memory.language is not self.language:
            self.memory.language = self.language
        addresses: tuple[str, ...] = ()
        if self.heard.entities:
            told = [f"tel:{value}" for value in self.heard.values("phone")]
            told += [f"mailto:{value}" for value in self.heard.values("email")]
            addresses = tuple(address for address in told if address not in self.turn.contact.addresses)
        if language is not None or addresses:
            self.effects.append(LearnAboutContact(language=language, addresses=addresses))


_LATIN_WORDS = re.compile(r"^[^\u3040-\u9fff@]*\b[A-Za-z]{3,}\b[^\u3040-\u9fff@]*$")
"""Too little to tell the language, and yet no Chinese: English is the likelier one."""
_NAMES_LANGUAGE = re.compile(r"english|chinese|[英中]文|英[语語]|[国國][语語]|普通[话話]|华语|華語", re.IGNORECASE)
_CONTACT = re.compile(
    r"@|\b(?:line|wechat|weixin|whatsapp|telegram|skype|qq|tel|phone|mobile|mail|e-?mail|name|id)\b\s*(?:id|no\.?)?\s*(?:[:：]|is\b)"
    r"|(?:微信|手[机機]|[电電][话話]|[邮郵]箱|地址|姓名)[号號]?\s*[:：]",
    re.IGNORECASE,
)
_LATIN_WORD = re.compile(r"[A-Za-z][A-Za-z'’]*")
_FEW_WORDS, _A_LINE = 2, 80
"""Words; characters."""


def _is_fragment(heard: Heard) -> bool:
    """A name, an address, "ok thanks": it says nothing about the language that somebody wants to be spoken to."""
    text = heard.text
    if _NAMES_LANGUAGE.search(text):
        return False
    if _CONTACT.search(text) and len(text) <= _A_LINE:
        return True
    return heard.language is Language.EN and len(_LATIN_WORD.findall(text)) <= _FEW_WORDS


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")


def quote(text: str, limit: int) -> str:
    """Somebody else's words within ours: one line, no invisible characters that turn the text round, not too long."""
    clean = " ".join(_CONTROL.sub(" ", text).split())
    return clean if len(clean) <= limit else f"{clean[: limit - 1]}…"
