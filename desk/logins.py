"""Logins: who comes in, with what, and how often one may try.

The password is compared between `knock` and `enter`, outside of any transaction: that takes 50 ms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update

from desk import second_factor, tokens
from desk.refusals import Refused
from desk.rights import Right, rights_of
from storage import audit
from storage.commits import Transaction
from storage.many import Question
from storage.openid import OpenIdAnswer
from storage.staff import Attempts, Session, Staff, Stage
from storage.touched import SESSIONS, touch
from storage.upsert import upsert

IDLE = timedelta(hours=8)
"""A session that is not used for so long is over..."""
LONGEST = timedelta(days=7)
"""...and so is one that is so old."""
TIME_FOR_CODE = timedelta(minutes=5)
SEEN_EVERY = timedelta(minutes=5)
"""How exactly we know when a session was used last: noting it at every page would be a commit each."""
BROWSER_LENGTH = 200
LONGEST_EMAIL = 254
"""Characters (RFC 5321, 4.5.3.1.3)."""

FREE_PER_ACCOUNT, LONGEST_PER_ACCOUNT = 5, timedelta(minutes=1)
"""Failures before an account must wait, and how long at most: a stranger who tries locks its owner out no longer."""
FREE_PER_CLIENT, LONGEST_PER_CLIENT = 20, timedelta(minutes=15)
FORGOTTEN = timedelta(hours=1)
"""After so long without a failure, they count for nothing."""


class Throttled(Refused):
    """There were too many failures; wait first."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__(f"too many attempts; try again in {max(1, round(wait.total_seconds()))} s")
        self.wait = wait


class WrongCode(Refused):
    """The code of the second factor is not right, was used already, or came too late."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Door:
    """What stands between somebody and their session."""

    staff: int | None
    """None: nobody has this address, or no longer."""
    password: str | None
    """As stored."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entered:
    """A session that was opened."""

    token: str
    """For the cookie; it is stored nowhere."""
    stage: Stage
    """WHOLE: they are in; PASSWORD: the code of the second factor is wanted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Present:
    """Somebody who is logged in."""

    staff: int
    name: str
    email: str
    roles: tuple[str, ...]
    language: str
    session: bytes
    """The session's stored token."""
    seen_at: datetime

    @property
    def rights(self) -> frozenset[Right]:
        return rights_of(self.roles)


def knock(transaction: Transaction, *, email: str, client: str) -> Door:
    """Somebody wants in. Raises Throttled."""
    email = _as_stored(email)
    for key, free, longest in _keys(email, client):
        _refuse_haste(transaction, key, free, longest)
    row = transaction.connection.execute(
        select(Staff.id, Staff.password).where(Staff.email == email, Staff.left_at.is_(None))
    ).one_or_none()
    return Door(staff=None, password=None) if row is None else Door(staff=row.id, password=row.password)


def turn_away(transaction: Transaction, *, email: str, client: str) -> None:
    """The password was wrong, or there is no such account: it counts."""
    email = _as_stored(email)
    _count(transaction, email, client)
    audit.note(transaction.connection, at=transaction.now, who=email[:100], action="login.refused", client=client)


def enter(
    transaction: Transaction,
    *,
    staff: int,
    client: str,
    browser: str,
    shown_elsewhere: bool = False,
    by: str = "password",
) -> Entered:
    """The password was right, or somebody vouches for them: a session, or the question for the second factor.

    `shown_elsewhere`: they have shown one to whoever vouches for them.
    """
    row = transaction.connection.execute(
        select(Staff.name, Staff.email, Staff.totp_secret).where(Staff.id == staff)
    ).one()
    if row.totp_secret is not None and not shown_elsewhere:
        return _open(transaction, staff, Stage.PASSWORD, client, browser)
    return _let_in(transaction, staff, row.name, row.email, client, browser, by)


def prove(transaction: Transaction, *, token: str, code: str, client: str, browser: str) -> Entered:
    """The second factor: the waiting session ends, and another one opens (no token outlives a change of rights).

    Raises WrongCode, Throttled.
    """
    connection, waiting = transaction.connection, tokens.stored(token)
    row = connection.execute(
        select(Staff.id, Staff.name, Staff.email, Staff.totp_secret, Staff.totp_step)
        .join(Session, Session.staff_id == Staff.id)
        .where(
            Session.token == waiting,
            Session.stage == Stage.PASSWORD,
            Session.ends_at > transaction.now,
            Staff.left_at.is_(None),
        )
        .with_for_update(of=Staff)
    ).one_or_none()
    if row is None or row.totp_secret is None:
        raise WrongCode("it took too long; log in again")
    for key, free, longest in _keys(row.email, client):
        _refuse_haste(transaction, key, free, longest)
    step = second_factor.step_of(row.totp_secret, code, now=transaction.now, after=row.totp_step)
    if step is None:
        raise WrongCode("the code is not right, or was used already")
    connection.execute(update(Staff).where(Staff.id == row.id).values(totp_step=step))
    connection.execute(delete(Session).where(Session.token == waiting))
    return _let_in(transaction, row.id, row.name, row.email, client, browser)


def count_wrong_code(transaction: Transaction, *, token: str, client: str) -> None:
    """A wrong code counts like a wrong password."""
    email = waits_for_code(transaction, token=token)
    if email is not None:
        turn_away(transaction, email=email, client=client)


def waits_for_code(transaction: Transaction, *, token: str) -> str | None:
    """The account whose second factor is asked for."""
    return transaction.connection.scalar(
        select(Staff.email).join(Session, Session.staff_id == Staff.id).where(Session.token == tokens.stored(token))
    )


def who(transaction: Transaction, *, token: str) -> Present | None:
    """Whose session this is; None: nobody's, or it is over."""
    now = transaction.now
    asked = {"of_token": tokens.stored(token), "now": now, "last_used": now - IDLE}
    return next(iter(_who.ask(transaction.connection, asked)), None)


def _present(row: Sequence[Any]) -> Present:
    staff, name, email, roles, language, session, seen_at = row
    return Present(
        staff=staff,
        name=name,
        email=email,
        roles=tuple(roles),
        language=language,
        session=bytes(session),
        seen_at=seen_at,
    )


# Asked for each page and each piece of one: worked out once.
_who = Question(
    select(Staff.id, Staff.name, Staff.email, Staff.roles, Staff.language, Session.token, Session.seen_at)
    .join(Session, Session.staff_id == Staff.id)
    .where(
        Session.token == bindparam("of_token"),
        Session.stage == Stage.WHOLE,
        Session.ends_at > bindparam("now"),
        Session.seen_at > bindparam("last_used"),
        Staff.left_at.is_(None),
    ),
    into=_present,
)


def seen(transaction: Transaction, *, session: bytes) -> None:
    """The session is in use."""
    transaction.connection.execute(update(Session).where(Session.token == session).values(seen_at=transaction.now))


def leave(transaction: Transaction, *, present: Present, client: str) -> None:
    """End this session."""
    touch(transaction.connection, (SESSIONS,))
    transaction.connection.execute(delete(Session).where(Session.token == present.session))
    audit.note(
        transaction.connection,
        at=transaction.now,
        who=present.name,
        staff=present.staff,
        action="logout",
        client=client,
    )


def forget_old(transaction: Transaction) -> None:
    """What is over is not kept: sessions, and failures that count no more."""
    connection, now = transaction.connection, transaction.now
    connection.execute(delete(Session).where((Session.ends_at <= now) | (Session.seen_at <= now - IDLE)))
    connection.execute(delete(Attempts).where(Attempts.last_at <= now - FORGOTTEN))
    connection.execute(delete(OpenIdAnswer).where(OpenIdAnswer.at <= now - FORGOTTEN))


def _let_in(
    transaction: Transaction, staff: int, name: str, email: str, client: str, browser: str, by: str = "password"
) -> Entered:
    transaction.connection.execute(delete(Attempts).where(Attempts.key == _of_account(email)))
    audit.note(
        transaction.connection,
        at=transaction.now,
        who=name,
        staff=staff,
        action="login",
        client=client,
        details={} if by == "password" else {"by": by},
    )
    return _open(transaction, staff, Stage.WHOLE, client, browser)


def _open(transaction: Transaction, staff: int, stage: Stage, client: str, browser: str) -> Entered:
    token = tokens.new()
    transaction.connection.execute(
        insert(Session),
        {
            "token": tokens.stored(token),
            "staff_id": staff,
            "stage": stage,
            "opened_at": transaction.now,
            "seen_at": transaction.now,
            "ends_at": transaction.now + (LONGEST if stage is Stage.WHOLE else TIME_FOR_CODE),
            "client": client,
            "browser": browser[:BROWSER_LENGTH],
        },
    )
    return Entered(token=token, stage=stage)


def _as_stored(email: str) -> str:
    """Whatever a stranger typed, as an address could stand in the database."""
    return email.replace("\0", "").strip().lower()[:LONGEST_EMAIL]


def _of_account(email: str) -> str:
    return f"account:{email}"


def _keys(email: str, client: str) -> list[tuple[str, int, timedelta]]:
    return [
        (_of_account(email), FREE_PER_ACCOUNT, LONGEST_PER_ACCOUNT),
        (f"client:{client}", FREE_PER_CLIENT, LONGEST_PER_CLIENT),
    ]


def _refuse_haste(transaction: Transaction, key: str, free: int, longest: timedelta) -> None:
    row = transaction.connection.execute(
        select(Attempts.failures, Attempts.last_at).where(Attempts.key == key)
    ).one_or_none()
    if row is None or row.failures < free or row.last_at <= transaction.now - FORGOTTEN:
        return
    wait = min(timedelta(seconds=2.0 ** min(row.failures - free + 1, 20)), longest)
    if (left := row.last_at + wait - transaction.now) > timedelta(0):
        raise Throttled(left)


def _count(transaction: Transaction, email: str, client: str) -> None:
    now = transaction.now
    for key, _, _ in _keys(email, client):
        first = upsert(transaction.connection, Attempts).values(key=key, failures=1, last_at=now)
        transaction.connection.execute(
            first.on_conflict_do_update(
                index_elements=[Attempts.key], set_={"failures": Attempts.failures + 1, "last_at": now}
            )
        )
