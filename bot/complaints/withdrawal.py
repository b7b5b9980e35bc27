"""A complaint that is given up, and taken up again in its own case, with all that was told."""

from __future__ import annotations

import re

from bot.complaints import questions, record
from bot.complaints.answers import leaves_no_number
from bot.complaints.facts import KINDS, absorb, absorb_story
from bot.effects import CancelFollowUps, UpdateCase
from bot.heard import Heard
from bot.memory import Complaint, Option
from bot.proof import order_numbers
from bot.talk import Talk
from bot.turn import CaseStatus, Step

_FEW_WORDS = 40
"""Characters."""
_CANCEL = re.compile(
    r"(?:(?:cancel|取消|算了|不用了|[没沒]事了?|不投[诉訴]了|不[说說]了|never ?mind|nvm|forget (?:it|about it)"
    r"|it'?s (?:ok|okay|fine)(?: now)?|[吧啦了多谢謝你您]|thanks?(?: you)?|thx|anyway)[\s,，.!。！~～]*)+",
    re.IGNORECASE,
)
"""Words that give it up; a thank you beside them is manners (and alone it is no giving up)."""
_GIVES_UP = re.compile(
    r"cancel|取消|算了|不用了|[没沒]事|不投|不[说說]了|mind|nvm|forget|it'?s (?:ok|okay|fine)", re.IGNORECASE
)
_AFTER_ALL = re.compile(
    r"[还還]是.{0,4}投[诉訴]|[继繼][续續].{0,3}投[诉訴]|重新投[诉訴]|改(?:变|變)?主意|又想投[诉訴]"
    r"|changed my mind|(?:do|still) want to complain|complain after all"
    r"|(?:go on|carry on|continue) with (?:it|my complaint)",
    re.IGNORECASE,
)
"""Of a complaint that was given up."""
_NO_COMPLAINT = re.compile(
    r"(?:n['’]t|\bnot|\bnever) (?:(?:really|actually|here to|meant as|have|want|mean|wish|intend|trying|going"
    r"|to|make|making|file|filing|a|any) )*complain(?:t|ts|ing)?\b(?![^.!]{0,12}\bbut\b)"
    r"|(?<![有要是能想])(?:不是|[没沒]有?|不[想要])[在来來要想]*(?:投[诉訴]|抱怨)(?!.{0,3}(?:但|可是|不[过過行]|[吗嗎]|[处處]理))",
    re.IGNORECASE,
)
"""What we took for a complaint is none. "I don't want to complain, but …" is one."""
_A_FEW_SENTENCES = 200
"""Characters."""


def gives_up(talk: Talk) -> bool:
    complaint = talk.memory.complaint
    if complaint is not None and complaint.asked == "reach" and leaves_no_number(talk.heard.text):
        return False
    if talk.means("cancel_form") or was_none(talk):
        return True
    text = talk.heard.text.strip()
    return len(text) <= _FEW_WORDS and _CANCEL.fullmatch(text) is not None and _GIVES_UP.search(text) is not None


def was_none(talk: Talk) -> bool:
    """ "This is a misunderstanding, I have no complaint": whatever else they say beside it is to be answered."""
    text = talk.heard.text
    return len(text) <= _A_FEW_SENTENCES and _NO_COMPLAINT.search(text) is not None


def withdraw(talk: Talk, complaint: Complaint) -> None:
    talk.skill = questions.NAME
    for prefix in (f"form:{talk.conversation.id}", f"listen:{talk.conversation.id}"):
        talk.act(CancelFollowUps(prefix=prefix))
    talk.act(UpdateCase(number=complaint.case, status=CaseStatus.CLOSED, note=talk.staff_text("summary.withdrawn")))
    talk.memory.complaint = talk.memory.choice = None
    complaint.paused = complaint.reminded = False
    talk.memory.withdrawn = complaint
    talk.say("complaint.cancelled", number=complaint.case)


def may_be_about_it(talk: Talk) -> bool:
    """Nothing says that it is another matter: the same order, or none."""
    withdrawn = talk.memory.withdrawn
    if withdrawn is None:
        return False
    known = withdrawn.facts.get("order")
    numbers = order_numbers(talk, talk.heard)
    return not numbers or known is None or known in numbers


def takes_up_again(talk: Talk) -> bool:
    """ "I do want to complain after all": the case that was given up is open again, and no new one beside it."""
    withdrawn = talk.memory.withdrawn
    if withdrawn is None or not may_be_about_it(talk):
        return False
    if not (talk.means("resume") or _AFTER_ALL.search(talk.heard.text)) or len(talk.heard.text) > _FEW_WORDS:
        return False
    resume(talk, withdrawn)
    return True


def offer_to_resume(talk: Talk) -> None:
    withdrawn = talk.memory.withdrawn
    number = withdrawn.case if withdrawn is not None else ""
    again = Option(talk.text("button.resume", number=number), questions.NAME, "resume")
    new = Option(talk.text("button.new_matter"), questions.NAME, "new")
    talk.aside = False
    talk.ask(talk.text("complaint.resume_or_new", number=number), (again, new), about=talk.heard)


def resume(talk: Talk, complaint: Complaint) -> None:
    """With all that was told before, and what was said now."""
    talk.skill = questions.NAME
    talk.memory.complaint, talk.memory.withdrawn, talk.memory.choice = complaint, None, None
    note = talk.staff_text("summary.resumed")
    talk.act(UpdateCase(number=complaint.case, status=CaseStatus.OPEN, note=note))
    if complaint.step == Step.LISTEN:
        complaint.step = Step.RECORD.value
    heard = (complaint.heard or Heard()).and_then(talk.heard)
    complaint.heard = None
    if complaint.facts.get("what") is None and heard.confidence(*KINDS) >= talk.policy.confidence.sure:
        absorb_story(talk, complaint, heard)
    else:
        absorb(talk, complaint, heard)
    lead = talk.text("complaint.taken_up", number=complaint.case)
    problem = record.look_up_order(talk, complaint)
    if complaint.step == Step.PROPOSE:
        questions.ask(talk, complaint, lead=lead)
        questions.expect_answer(talk, complaint)
    else:
        complaint.tries.pop(complaint.asked, None)
        record.go_on(talk, complaint, lead=f"{lead}\n{problem}" if problem else lead)
