"""The conversation engine: from a Turn to its effects, pure and synchronous."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot import choices
from bot.coming_back import come_back
from bot.complaints import known_cases, questions, record
from bot.effects import Effect, Ignore, LinkByCode, Say
from bot.heard import Heard, hear, hear_one, pieces
from bot.memory import CHOICE_AGE, Option
from bot.needs import needs_in, skill_for
from bot.playbook import Playbook
from bot.repertoire import BY_INTENT, FLOOR, SKILLS
from bot.skill import Skill
from bot.skills import (
    abuse,
    assistant,
    clarification,
    complaint,
    consent,
    fallback,
    handoff,
    knowledge,
    requests,
)
from bot.talk import AssistantNeeded, LookupNeeded, Talk, quote
from bot.turn import Message, Turn
from channels.envelope import Event
from nlu.understanding import Intent


def respond(turn: Turn, playbook: Playbook) -> tuple[Effect, ...]:
    """What should happen now. The same Turn and playbook have the same effects; nothing else enters.

    A Turn whose answer needs the business's system has its `Lookup` effects alone, and is run again with the results;
    one that the business's own assistant shall answer has one `AskAssistant` alone, and is run again with its answer.
    """
    talk = Talk(turn, playbook)
    try:
        if turn.due is not None:
            come_back(talk, turn.due)
        elif not talk.ours:
            talk.act(Ignore(reason="people have this conversation"))
        elif not turn.messages:
            talk.act(Ignore(reason="an empty turn"))
        else:
            _answer(talk)
    except LookupNeeded as need:
        return need.lookups
    except AssistantNeeded as need:
        return (need.asking,)
    return talk.finish()


def overhear(turn: Turn, playbook: Playbook) -> tuple[Effect, ...]:
    """Where people have the Conversation, or nobody answers any more: a word on offers counts all the same. It is
    confirmed, once, as carriers demand (CTIA, Messaging Principles and Best Practices), but not to whom we have
    blocked; nothing else is said or done."""
    if not any(consent.OFFERS & {intent.name for intent in message.understanding.intents} for message in turn.messages):
        return ()
    talk = Talk(turn, playbook)
    meant = [heard for message in turn.messages if consent.acts_anywhere(talk, heard := hear_one(message))]
    if meant:
        consent.overheard(talk, meant[-1])
    return tuple(talk.effects)


def _answer(talk: Talk) -> None:
    """What must not wait goes first; then answers to our questions; then new needs; and back to what we had asked."""
    talk.learn()
    talk.aside = complaint.is_waiting(talk)
    _link(talk)
    _ = (
        _pass_on_presses(talk)
        or _change_consent(talk)
        or _stop_abuse(talk)
        or _press(talk)
        or _choose(talk)
        or _call_people(talk)
        or _mind_own_data(talk)
        or _go_on(talk)
        or _speak_of_named_case(talk)
        or _leave_to_assistant(talk)
        or _meet_needs(talk)
    )
    assistant.speak(talk)
    _return_to_complaint(talk)
    for number in dict.fromkeys(number for message in talk.turn.messages for number in message.unproven_cases):
        known_cases.suggest(talk, number)


def _link(talk: Talk) -> None:
    """A deep link carries the proof that another address is the same person's."""
    for message in talk.messages:
        if message.start_parameter:
            talk.act(LinkByCode(code=message.start_parameter[:512]))


def _pass_on_presses(talk: Talk) -> bool:
    """Buttons of the business's own assistant go back to it as they are. True: nothing else was said."""
    pressed = [message for message in talk.messages if assistant.takes(talk, message)]
    for message in pressed:
        assistant.ask(talk, message)
    return bool(pressed) and not _keep(talk, [message for message in talk.messages if message not in pressed])


def _change_consent(talk: Talk) -> bool:
    """A "stop" among other messages acts, and the others are answered too. True: there were no others.

    So does the word that takes an earlier "stop" back: carriers act on both wherever they come (CTIA).
    """
    stops = [message for message in talk.messages if consent.acts_anywhere(talk, hear_one(message))]
    if not stops:
        return False
    talk.heard = hear_one(stops[-1])
    _use(talk, consent.SKILL)
    others = [message for message in talk.messages if message not in stops]
    others += [piece for message in stops for piece in _questions_beside_stop(talk, message)]
    return not _keep(talk, others)


def _questions_beside_stop(talk: Talk, message: Message) -> list[Message]:
    heard = [(piece, hear_one(piece)) for piece in pieces(message) if piece is not message]
    return [piece for piece, words in heard if not consent.wants_stop(talk, words) and skill_for(talk, words)]


def _stop_abuse(talk: Talk) -> bool:
    if not abuse.is_meant(talk):
        return False
    _use(talk, abuse.SKILL)
    return True


def _press(talk: Talk) -> bool:
    """A button: the option it stands for, or the truth that it is out of date. True: nothing else was said."""
    buttons = [message for message in talk.messages if _is_button(message)]
    if not buttons:
        return False
    others = _keep(talk, [message for message in talk.messages if not _is_button(message)])
    option = choices.pressed(talk.memory.choice, buttons[-1].text)
    if option is not None:
        _take(talk, option)
    elif not others:
        _ask_again(talk)
    return not others


def _is_button(message: Message) -> bool:
    return message.event is Event.CALLBACK or choices.TOKEN.fullmatch(message.text.strip()) is not None


def _ask_again(talk: Talk) -> None:
    """A button of an older question, or one that we never sent: it does nothing, and the open question stays."""
    choice = talk.memory.choice
    if choice is None:
        talk.say("choice.gone")
    else:
        talk.aside = False
        talk.skill = choice.options[0].skill if choice.options else ""
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
    if clarification.is_confirmed(talk, choice):
        _take(talk, choice.options[0], and_then=talk.heard)
        return True
    choice.age += 1
    if choice.age >= CHOICE_AGE:
        talk.memory.choice = None
    return False


def _take(talk: Talk, option: Option, *, and_then: Heard | None = None) -> None:
    """Do what the option stands for; what was said before it is the matter again, where there was any.

    `and_then`: said instead of choosing, and part of the matter.
    """
    choice, talk.memory.choice = talk.memory.choice, None
    talk.memory.misunderstood = 0
    said = talk.heard
    if choice is not None and choice.about is not None:
        talk.heard = choice.about.and_then(and_then) if and_then is not None else choice.about
    skill = SKILLS.get(option.skill)
    if option.skill == clarification.SKILL.name and option.value in BY_INTENT:
        talk.heard = replace(talk.heard, intents=(Intent(name=option.value, confidence=1.0), *talk.heard.intents))
        _use(talk, BY_INTENT[option.value])
    elif skill is None or skill.chosen is None:
        talk.say("choice.gone")  # remembered by another version of the house
    else:
        talk.skill = skill.name
        skill.chosen(talk, option)
    talk.heard = said


def _call_people(talk: Talk) -> bool:
    """Somebody asks for a person, or speaks of lawyers: that is never argued with."""
    asked = any(handoff.asked(talk, hear_one(message)) for message in talk.messages)
    legal = handoff.legal(talk)
    if not asked and not legal:
        return False
    if legal or not knowledge.tells_how_to_reach(talk):
        _use(talk, handoff.SKILL)
    return True


def _mind_own_data(talk: Talk) -> bool:
    """A wish about one's own data in the midst of a complaint is no disturbance of it: people see to both."""
    if talk.memory.complaint is None:
        return False
    wishes = [heard for message in talk.messages if requests.is_wish_about_data(talk, heard := hear_one(message))]
    if not wishes:
        return False
    talk.heard, talk.skill = wishes[-1], requests.SKILL.name
    requests.start(talk, requests.PRIVACY)
    return True


def _go_on(talk: Talk) -> bool:
    """Whoever had asked something hears the answer."""
    for skill in FLOOR:
        if skill.goes_on is not None:
            talk.skill = skill.name
            if skill.goes_on(talk):
                talk.memory.misunderstood = 0
                return True
    return False


def _speak_of_named_case(talk: Talk) -> bool:
    """ "#C-1042" is what they are about, unless they surely want something else beside it."""
    wanted = skill_for(talk, talk.heard)
    if wanted not in {None, complaint.SKILL}:
        return False
    talk.skill = complaint.SKILL.name
    for message in talk.messages:
        if any(known_cases.speak_of(talk, number) for number in message.cases):
            return True
        if wanted is None and message.unproven_cases:
            known_cases.speak_of_unproven(talk, message.unproven_cases[0])
            return True
    return False


def _leave_to_assistant(talk: Talk) -> bool:
    """A business's own assistant answers whatever is not ours to answer."""
    if talk.turn.assistant is None:
        return False
    _use(talk, assistant.SKILL)
    return True


def _meet_needs(talk: Talk) -> bool:
    needs, unclear = needs_in(talk)
    aside = talk.aside
    for number, need in enumerate(needs, start=1):
        if talk.is_handed_over and need.skill is not knowledge.SKILL:
            continue  # a colleague reads the whole message; we ask nothing more
        talk.heard = need.heard
        talk.aside = aside or number < len(needs)
        _use(talk, need.skill)
        if need.skill not in {fallback.SKILL, clarification.SKILL}:
            talk.memory.misunderstood = 0
    if unclear:
        talk.skill = clarification.SKILL.name
        talk.say("clarify.rest", words=quote(unclear[0].text, 60))
    return True


def _return_to_complaint(talk: Talk) -> None:
    """Something in between is answered: gently back to the question that is still open."""
    spoken = {effect.skill for effect in talk.effects if isinstance(effect, Say)}
    if not complaint.is_waiting(talk) or talk.memory.order is not None or complaint.SKILL.name in spoken:
        return
    open_one, told = talk.memory.complaint, talk.memory.told
    if open_one is not None and open_one.asked == "order" and told:
        talk.skill = complaint.SKILL.name
        record.take_order(talk, open_one, told)
    else:
        questions.go_back(talk)


def _use(talk: Talk, skill: Skill) -> None:
    talk.skill = skill.name
    skill.answer(talk)


def _keep(talk: Talk, messages: Sequence[Message]) -> bool:
    """Go on with these messages only; False where none is left."""
    talk.messages = tuple(messages)
    talk.heard = hear(messages) if messages else Heard()
    return bool(messages)
