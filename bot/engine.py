"""The conversation engine: from a Turn to its effects, pure and synchronous."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot import choices
from bot.effects import Effect, Ignore, LinkByCode
from bot.heard import SOCIAL, Heard, hear, hear_one
from bot.memory import CHOICE_AGE, Option
from bot.playbook import Playbook
from bot.skill import Skill
from bot.skills import fallback, handoff, smalltalk
from bot.talk import LookupNeeded, Talk
from bot.turn import Turn
from channels.envelope import Event

SKILLS: Mapping[str, Skill] = {
    skill.name: skill
    for skill in (
        handoff.SKILL,
        smalltalk.SKILL,
        fallback.SKILL,
    )
}
"""Everything the assistant can do, by name."""

BY_INTENT: Mapping[str, Skill] = {intent: skill for skill in SKILLS.values() for intent in skill.intents}

FLOOR: Sequence[Skill] = ()
"""Who may have the floor from an earlier Turn, in this order."""


def respond(turn: Turn, playbook: Playbook) -> tuple[Effect, ...]:
    """What should happen now. The same Turn and playbook have the same effects; nothing else enters.

    A Turn whose answer needs the business's system has `Lookup` effects alone, and is run again with the results.
    """
    talk = Talk(turn, playbook)
    try:
        if turn.messages and talk.ours:
            _answer(talk)
        else:
            _say_nothing(talk)
    except LookupNeeded as need:
        return (need.lookup,)
    return talk.finish()


def _answer(talk: Talk) -> None:
    """Who may not be kept waiting goes first; then who asked something; then who has a new need."""
    talk.learn()
    _link(talk)
    if not _press(talk) and not _choose(talk):
        _meet_needs(talk)


def _link(talk: Talk) -> None:
    """A deep link carries the proof that another address is the same person's."""
    for message in talk.turn.messages:
        if message.start_parameter:
            talk.act(LinkByCode(code=message.start_parameter[:512]))


def _press(talk: Talk) -> bool:
    """A button: the option it stands for, or the truth that it is out of date. True: nothing else was said."""
    buttons = [message for message in talk.turn.messages if _is_button(message.event, message.text)]
    if not buttons:
        return False
    words = [message for message in talk.turn.messages if not _is_button(message.event, message.text)]
    talk.heard = hear(words) if words else Heard()
    option = choices.pressed(talk.memory.choice, buttons[-1].text)
    if option is not None:
        _take(talk, option)
    elif not words:
        _ask_again(talk)
    return not words


def _is_button(event: Event, text: str) -> bool:
    return event is Event.CALLBACK or choices.TOKEN.fullmatch(text.strip()) is not None


def _ask_again(talk: Talk) -> None:
    """A button of an older question, or one that we never sent: it does nothing, and the open question stays."""
    choice = talk.memory.choice
    if choice is None:
        talk.say("choice.gone")
    else:
        talk.ask(talk.text("choice.gone_ask_again"), choice.options, about=choice.about)


def _choose(talk: Talk) -> bool:
    """Words that answer the open question."""
    choice = talk.memory.choice
    if choice is None:
        return False
    option = choices.meant(choice, talk.heard, talk.policy.confidence.sure)
    if option is not None:
        _take(talk, option)
        return True
    choice.age += 1
    if choice.age >= CHOICE_AGE:
        talk.memory.choice = None
    return False


def _take(talk: Talk, option: Option) -> None:
    choice, talk.memory.choice = talk.memory.choice, None
    talk.memory.misunderstood = 0
    if choice is not None and choice.about is not None:
        talk.heard = choice.about
    skill = SKILLS.get(option.skill)
    if skill is None or skill.chosen is None:
        talk.say("choice.gone")  # remembered by an older version of the house
        return
    talk.skill = skill.name
    skill.chosen(talk, option)


@dataclass(frozen=True, slots=True)
class Need:
    """What somebody wants, and the words in which it was said."""

    skill: Skill
    heard: Heard


def _meet_needs(talk: Talk) -> None:
    needs = _needs(talk)
    for number, need in enumerate(needs, start=1):
        talk.heard = need.heard
        talk.skill = need.skill.name
        talk.aside = number < len(needs)
        need.skill.answer(talk)


def _needs(talk: Talk) -> list[Need]:
    """The needs of this Turn, at most three: manners beside a matter are no need of their own."""
    if len(talk.turn.messages) > 1:
        by_skill: dict[str, Need] = {}
        for heard in map(hear_one, talk.turn.messages):
            skill = _skill_for(talk, heard)
            if skill is not None and heard.intent is not None and heard.intent.name not in SOCIAL:
                known = by_skill.get(skill.name)
                by_skill[skill.name] = Need(skill, known.heard.and_then(heard) if known else heard)
        if len(by_skill) > 1:
            return list(by_skill.values())[:3]
    return [Need(_skill_for(talk, talk.heard) or SKILLS["fallback"], talk.heard)]


def _skill_for(talk: Talk, heard: Heard) -> Skill | None:
    """The skill for what was surely understood."""
    intent = heard.intent
    if intent is None or intent.confidence < talk.policy.confidence.sure:
        return None
    return BY_INTENT.get(intent.name)


def _say_nothing(talk: Talk) -> None:
    if talk.turn.messages and not talk.ours:
        talk.act(Ignore(reason="people have this conversation"))
    elif talk.turn.due is None:
        talk.act(Ignore(reason="an empty turn"))
