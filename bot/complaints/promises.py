"""Promises: what was agreed is dated, remembered, told when it is done, and told honestly when it is not."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from bot.complaints.judgement import Offer
from bot.effects import HandOffReason, Ignore, MakePromise, PlanFollowUp, UpdateCase
from bot.policy import OfferKind
from bot.skills import handoff, survey
from bot.talk import Talk
from bot.turn import CaseFacts, CaseStatus, FollowUpDue, FollowUpKind, Json, Promise, Step

END_OF_WORK = time(18)
"""A promise for a day is kept by then, in the business's time zone."""


def keep_word(talk: Talk, case: str, offer: Offer, words: str) -> None:
    """The customer accepted: say by when it is done, and plan everything that this takes."""
    accepted: dict[str, Json] = {"kind": offer.kind.value, "amount": offer.amount, "state": "accepted"}
    if offer.kind is OfferKind.APOLOGY:
        talk.act(UpdateCase(number=case, step=Step.FOLLOW_UP, status=CaseStatus.RESOLVED, proposal=accepted))
        talk.say("complaint.accepted_apology", number=case)
        _plan_survey(talk, case)
        return
    due = _due(talk)
    known = talk.case(case)
    number = len(known.promises) + 1 if known is not None else 1
    promise = Promise(id=f"{case}-{number}", text=words, due=due)
    talk.act(UpdateCase(number=case, step=Step.FOLLOW_UP, status=CaseStatus.OPEN, proposal=accepted))
    talk.act(MakePromise(case=case, promise=promise))
    reminder = max(due - timedelta(hours=talk.policy.times.reminder_hours), talk.now)
    talk.act(_plan(FollowUpKind.PROMISE_REMINDER, case, reminder, promise))
    talk.act(_plan(FollowUpKind.CASE_UPDATE, case, due, promise))
    talk.say("complaint.accepted", promise=words, due=talk.moment(due), number=case)


def remind_staff(talk: Talk, due: FollowUpDue) -> None:
    """Before a promise is due: a note on the case, high up, for whoever owns it."""
    case = talk.case(due.case)
    promise = _open_promise(case, due)
    if case is None or promise is None:
        talk.act(Ignore(reason="the promise is kept"))
        return
    note = talk.staff_text("summary.promised", promise=promise.text, due=f"{promise.due:%Y-%m-%d %H:%M} UTC")
    talk.act(UpdateCase(number=case.number, priority=1, note=note))


def report(talk: Talk, due: FollowUpDue) -> None:
    """The promised day has come: good news where it is done, else the truth, and people are alerted."""
    case = talk.case(due.case)
    if case is None or case.status in {CaseStatus.CLOSED, CaseStatus.SPAM}:
        talk.act(Ignore(reason="the case is closed"))
        return
    if _open_promise(case, due) is not None and case.status is not CaseStatus.RESOLVED:
        _own_up(talk, case)
        return
    talk.act(UpdateCase(number=case.number, status=CaseStatus.RESOLVED))
    if talk.ours:
        talk.say("promise.kept", number=case.number)
    _plan_survey(talk, case.number)


def ask_how_it_was(talk: Talk, due: FollowUpDue) -> None:
    """The satisfaction question: once a case, and never over an agent's head."""
    case = talk.case(due.case)
    if case is None or case.survey_asked or case.status is not CaseStatus.RESOLVED:
        talk.act(Ignore(reason="no resolved case to ask about"))
    elif not talk.ours:
        talk.act(Ignore(reason="people have this conversation"))
    else:
        talk.skill = survey.SKILL.name
        survey.ask(talk, case.number)


def _own_up(talk: Talk, case: CaseFacts) -> None:
    note = talk.staff_text("summary.overdue", number=case.number)
    talk.act(UpdateCase(number=case.number, priority=1, status=CaseStatus.OPEN, note=note))
    if talk.ours:
        handoff.hand_off(talk, HandOffReason.PROMISE_BROKEN, note=note)


def _due(talk: Talk) -> datetime:
    """The end of work on the last of the promised workdays, counted from tomorrow."""
    hours = talk.playbook.hours
    day = talk.now.astimezone(hours.time_zone).date()
    left = talk.policy.times.promise_days
    for _ in range(400):
        day += timedelta(days=1)
        left -= hours.is_workday(day)
        if left <= 0:
            break
    return datetime.combine(day, END_OF_WORK, hours.time_zone).astimezone(talk.now.tzinfo)


def _plan(kind: FollowUpKind, case: str, due: datetime, promise: Promise) -> PlanFollowUp:
    return PlanFollowUp(
        kind=kind,
        key=f"promise:{promise.id}:{kind.value}",
        due=due,
        reason=promise.text,
        case=case,
        details={"promise": promise.id},
    )


def _plan_survey(talk: Talk, case: str) -> None:
    talk.act(
        PlanFollowUp(
            kind=FollowUpKind.SURVEY,
            key=f"survey:{case}",
            due=talk.now + timedelta(hours=talk.policy.times.survey_hours),
            reason="satisfaction after the case",
            case=case,
        )
    )


def _open_promise(case: CaseFacts | None, due: FollowUpDue) -> Promise | None:
    """The promise that the follow-up is about; where it does not say, any that is open."""
    if case is None:
        return None
    wanted = due.details.get("promise")
    return next(
        (promise for promise in case.promises if not promise.kept and (wanted is None or promise.id == wanted)), None
    )
