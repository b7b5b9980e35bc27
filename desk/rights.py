"""Rights: what each role may do. Every page, event and call of the console names the one it wants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from storage.staff import Role


class Right(StrEnum):
    BE_HERE = "be_here"  # one's own account: password, second factor, language
    CONVERSE = "converse"  # the inbox and its conversations: take, answer, note, hand back
    SEE_PRIVATE = "see_private"  # phone numbers and mail addresses in full
    DIRECT = "direct"  # take from colleagues, assign, see whose promises are in danger
    ARRANGE = "arrange"  # teams, and what each colleague can do
    PLAN = "plan"  # segments and campaigns
    TEACH = "teach"  # what the assistant should have understood
    READ_REPORTS = "read_reports"  # figures: one's own, or all, as the role has it
    MANAGE_STAFF = "manage_staff"  # let people in and out
    READ_AUDIT = "read_audit"  # who did what
    CONNECT = "connect"  # programs: their tokens, and the webhooks that tell them what happens
    PRIVACY = "privacy"  # give people a copy of what is known of them, and forget them


EVERYBODY = frozenset({Right.BE_HERE})

RIGHTS: Mapping[Role, frozenset[Right]] = {
    Role.AGENT: EVERYBODY | {Right.CONVERSE, Right.TEACH, Right.READ_REPORTS},
    Role.MARKETER: EVERYBODY | {Right.PLAN, Right.READ_REPORTS},
    Role.SUPERVISOR: EVERYBODY
    | {
        Right.CONVERSE,
        Right.SEE_PRIVATE,
        Right.DIRECT,
        Right.ARRANGE,
        Right.TEACH,
        Right.READ_AUDIT,
        Right.PRIVACY,
        Right.READ_REPORTS,
    },
    Role.ADMIN: EVERYBODY | {Right.MANAGE_STAFF, Right.ARRANGE, Right.READ_AUDIT, Right.PRIVACY, Right.CONNECT},
}


def rights_of(roles: Iterable[str]) -> frozenset[Right]:
    """All that these roles may do together; a role that nobody knows any more may do nothing."""
    known = {role.value for role in Role}
    return frozenset(right for role in roles if role in known for right in RIGHTS[Role(role)])
