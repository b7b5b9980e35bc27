"""Coming back: what is done when a follow-up is due."""

from __future__ import annotations

from collections.abc import Callable

from bot.complaints import listening, promises
from bot.effects import Ignore, Resolve
from bot.skills import complaint
from bot.talk import Talk
from bot.turn import FollowUpDue, FollowUpKind, Owner


def come_back(talk: Talk, due: FollowUpDue) -> None:
    """Nothing here talks over people: where the queue or an agent has the Conversation, only the case is kept right."""
    kind: FollowUpKind = due.kind
    match kind:
        case FollowUpKind.LISTEN_SETTLED:
            talk.skill = complaint.SKILL.name
            _if_ours(talk, listening.settle)
        case FollowUpKind.FORM_SILENCE:
            talk.skill = complaint.SKILL.name
            _if_ours(talk, complaint.silence)
        case FollowUpKind.PROMISE_REMINDER:
            promises.remind_staff(talk, due)
        case FollowUpKind.CASE_UPDATE | FollowUpKind.PROMISE_BROKEN:
            talk.skill = "promises"
            promises.report(talk, due)
        case FollowUpKind.SURVEY:
            promises.ask_how_it_was(talk, due)
        case FollowUpKind.CALL_BACK:
            _call_back(talk)
        case FollowUpKind.IDLE_CLOSE:
            _close(talk)


def _if_ours(talk: Talk, step: Callable[[Talk], None]) -> None:
    if talk.ours:
        step(talk)
    else:
        talk.act(Ignore(reason="people have this conversation"))


def _call_back(talk: Talk) -> None:
    """We are open now, as promised. An agent who has taken the conversation says so in their own words."""
    if talk.conversation.owner is Owner.QUEUE:
        talk.skill = "handoff"
        talk.say("handoff.open_now")
    else:
        talk.act(Ignore(reason="somebody has taken it already"))


def _close(talk: Talk) -> None:
    """Quietly; not while people have it, nor while a question of ours about a complaint is open."""
    if talk.ours and not complaint.is_waiting(talk):
        talk.act(Resolve())
    else:
        talk.act(Ignore(reason="the conversation is still needed"))
