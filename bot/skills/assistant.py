"""The business's own assistant: asked what the house need not hear itself, and its answer put as the channel can.

Its buttons send their payload as it is, where a button can hold it; a longer one, and what is chosen from a numbered
list, is remembered as a choice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.assistant import Ask, Reply
from bot.choices import TOKEN
from bot.complaints.facts import is_angry
from bot.effects import AskAssistant, HandOff, HandOffReason, Say
from bot.memory import Choice, Option
from bot.skill import Skill
from bot.skills import attachments, consent, handoff, smalltalk
from bot.talk import AssistantNeeded, Talk, quote
from bot.turn import Json, Message
from channels.envelope import Attachment, AttachmentKind, Button, Event

VALUE_LIMIT = 64
"""Bytes that a button holds on every channel: Telegram's are the smallest
(https://core.telegram.org/bots/api#inlinekeyboardbutton)."""
LETTERS = frozenset({"mailto", "tel"})
"""Where each message is opened or paid for by itself: an answer is one of them."""


def takes(talk: Talk, message: Message) -> bool:
    """A button that the assistant gave, with its payload in it: nothing of ours is to be read into it."""
    return (
        talk.turn.assistant is not None
        and message.event is Event.CALLBACK
        and TOKEN.fullmatch(message.text.strip()) is None
    )


def answer(talk: Talk) -> None:
    """Everything that is left is the assistant's to answer, but for what it must not or cannot be asked."""
    words = [message for message in talk.messages if message.text.strip()]
    if talk.short and talk.heard.confidence("help") >= consent.CERTAIN:
        # Who texts HELP must learn who writes here (CTIA, Messaging Principles and Best Practices).
        _use(talk, smalltalk.SKILL)
    elif _is_too_angry(talk):
        handoff.hand_off(talk, HandOffReason.ANGER)
    elif not words:
        _use(talk, attachments.SKILL)
    else:
        for message in words:
            ask(talk, message)


def ask(talk: Talk, message: Message) -> None:
    talk.asks.append(Ask(interaction=message.interaction, event=message.event, text=message.text))


def chosen(talk: Talk, option: Option) -> None:
    """An option of its own was chosen: it gets the payload."""
    last = talk.turn.messages[-1]
    talk.asks.append(Ask(interaction=last.interaction, event=Event.CALLBACK, text=option.value))


def speak(talk: Talk) -> None:
    """Say what the assistant answered. Raises AssistantNeeded in a Turn's first run."""
    facts = talk.turn.assistant
    if facts is None or not talk.asks or any(isinstance(effect, HandOff) for effect in talk.effects):
        return
    if facts.answer is None:
        asks = tuple(sorted(talk.asks, key=lambda one: one.interaction))
        raise AssistantNeeded(AskAssistant(asks=asks, language=talk.language))
    talk.skill = SKILL.name
    _forget_its_choice(talk)
    shown = _show(talk, facts.answer.replies)
    handing = next((reply for reply in facts.answer.replies if reply.hands_over), None)
    if handing is not None:
        note = _note(talk, handing.reason)
        handoff.hand_off(talk, HandOffReason.ASSISTANT, lead=_words_of(handing.custom), note=note)
    elif facts.answer.trouble is not None or not shown:
        _apologise(talk, facts.answer.reason or "nothing that can be shown here")
    else:
        talk.memory.misunderstood = 0


def _is_too_angry(talk: Talk) -> bool:
    """As in a complaint: so many angry turns, and a person comes."""
    if is_angry(talk, talk.heard):
        talk.memory.angry += 1
    return talk.memory.angry >= talk.policy.angry_turns


def _use(talk: Talk, skill: Skill) -> None:
    talk.skill = skill.name
    skill.answer(talk)


def _forget_its_choice(talk: Talk) -> None:
    """It has gone on: a number that comes now is meant for its newest question."""
    choice = talk.memory.choice
    if choice is not None and any(option.skill == SKILL.name for option in choice.options):
        talk.memory.choice = None


def _apologise(talk: Talk, reason: str) -> None:
    """No answer to be had: once may be a moment's trouble; twice in a row, and a person takes over."""
    talk.memory.misunderstood += 1
    if talk.memory.misunderstood >= talk.policy.misunderstandings:
        handoff.hand_off(talk, HandOffReason.FAILURE, note=_note(talk, reason))
    else:
        handoff.offer_person(talk, "assistant.unavailable")


def _note(talk: Talk, reason: str) -> str:
    return talk.staff_text("summary.assistant", reason=quote(reason, 300)) if reason else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Bubble:
    """One message as this channel can show it."""

    text: str = ""
    buttons: tuple[Button, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    custom: Mapping[str, Json] | None = None

    @property
    def plain(self) -> bool:
        return not self.buttons and not self.attachments and self.custom is None


def _show(talk: Talk, replies: Sequence[Reply]) -> bool:
    """Say all of it that this channel can show. False: that is nothing."""
    options = _Options(talk)
    bubbles = [bubble for reply in replies if (bubble := _bubble(talk, reply, options)) is not None]
    options.remember()
    if talk.turn.channel.scheme in LETTERS and all(bubble.plain for bubble in bubbles) and bubbles:
        bubbles = [_Bubble(text="\n\n".join(bubble.text for bubble in bubbles))]
    for bubble in bubbles:
        talk.act(
            Say(
                text=bubble.text,
                buttons=bubble.buttons,
                attachments=bubble.attachments,
                custom=bubble.custom,
                language=talk.language,
                skill=SKILL.name,
            )
        )
    return bool(bubbles)


def _bubble(talk: Talk, reply: Reply, options: _Options) -> _Bubble | None:
    channel = talk.turn.channel
    pictures = tuple(
        attachment for attachment in reply.attachments if channel.pictures and attachment.kind is AttachmentKind.IMAGE
    )
    links = [attachment.id for attachment in reply.attachments if attachment not in pictures]
    custom = reply.custom if channel.custom and not reply.hands_over else None
    instead = "" if channel.custom or reply.hands_over else _words_of(reply.custom)
    text = "\n".join(part for part in (reply.text, instead, *links) if part)
    if len(reply.buttons) <= channel.buttons:
        bubble = _Bubble(text=text, buttons=options.buttons(reply.buttons), attachments=pictures, custom=custom)
    else:
        bubble = _Bubble(text=options.listed(text, reply.buttons), attachments=pictures, custom=custom)
    return None if bubble.plain and not bubble.text else bubble


def _words_of(custom: Mapping[str, Json] | None) -> str:
    """What a custom payload says in words, where nobody understands the rest of it."""
    text = custom.get("text") if custom is not None else None
    return text if isinstance(text, str) else ""


class _Options:
    """What can be chosen in an answer, numbered through all of its messages."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self._options: list[Option] = []
        self._wanted = False

    def buttons(self, buttons: Iterable[Button]) -> tuple[Button, ...]:
        return tuple(button if button.url is not None else self._button(button) for button in buttons)

    def listed(self, text: str, buttons: Iterable[Button]) -> str:
        """The text with a numbered list below it; pages are named, not numbered."""
        lines = [f"{button.label}: {button.url}" for button in buttons if button.url is not None]
        chosen = [button for button in buttons if button.url is None]
        numbered = [f"{self._number(button)}. {button.label}" for button in chosen]
        if numbered:
            self._wanted = True
            lines += [*numbered, self._talk.text("choice.how")]
        return "\n".join(lines) if not text else f"{text}\n\n" + "\n".join(lines)

    def remember(self) -> None:
        """Open the choice, where one of the options cannot be taken without it."""
        if self._wanted:
            memory = self._talk.memory
            memory.serial += 1
            memory.choice = Choice(serial=memory.serial, options=tuple(self._options))

    def _button(self, button: Button) -> Button:
        number = self._number(button)
        if 0 < len(button.value.encode()) <= VALUE_LIMIT and TOKEN.fullmatch(button.value.strip()) is None:
            return button
        self._wanted = True
        return Button(label=button.label, value=f"choice:{self._talk.memory.serial + 1}:{number}")

    def _number(self, button: Button) -> int:
        self._options.append(Option(button.label, SKILL.name, "say", button.value))
        return len(self._options)


SKILL = Skill(name="assistant", answer=answer, chosen=chosen)
