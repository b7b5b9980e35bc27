"""Staff: letting people in and out, and what each says of themselves."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update

from desk import tokens
from desk.agents import agent_name
from desk.deeds import noted
from desk.logins import Present
from desk.refusals import Impossible, NotFound, Unusable
from storage import audit
from storage.audit import AuditEntry
from storage.commits import Transaction
from storage.staff import Link, LinkKind, Role, Session, Staff, any_staff, close_sessions
from storage.touched import SESSIONS, touch

LINK_LASTS = timedelta(days=3)
FIRST_LINK_LASTS = timedelta(hours=24)
LANGUAGES = ("zh-Hans", "zh-Hant", "en")
_MAIL = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[^@\s,;<>\"]+")


class Taken(Unusable):
    """Somebody has this name or mail address, or had it."""


class NoAddress(Unusable):
    """This is no mail address."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Colleague:
    """Somebody who works here, as an admin lists them."""

    id: int
    name: str
    email: str
    roles: tuple[str, ...]
    second_factor: bool
    in_yet: bool
    """Has come in through the invitation."""
    left_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Invited:
    """A way in that was made for somebody; the token is told once."""

    staff: int
    token: str
    ends_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """Where a link leads."""

    kind: LinkKind
    staff: int | None
    name: str
    email: str


def first_link(transaction: Transaction) -> str | None:
    """A fresh way in for the first admin; None where somebody works here already. Older ones end."""
    connection = transaction.connection
    if any_staff(connection):
        return None
    connection.execute(delete(Link).where(Link.kind == LinkKind.FIRST_ADMIN))
    return _link(transaction, LinkKind.FIRST_ADMIN, None, FIRST_LINK_LASTS)[0]


def way(transaction: Transaction, *, token: str) -> Way:
    """Where the link leads. Raises NotFound: it was used, is over, or never was."""
    row = transaction.connection.execute(
        select(Link.kind, Link.staff_id, Staff.name, Staff.email)
        .outerjoin(Staff, Staff.id == Link.staff_id)
        .where(Link.token == tokens.stored(token), Link.ends_at > transaction.now, Staff.left_at.is_(None))
    ).one_or_none()
    if row is None or (row.kind is LinkKind.FIRST_ADMIN and any_staff(transaction.connection)):
        raise NotFound("this link was used already, or is over; ask for another one")
    return Way(kind=row.kind, staff=row.staff_id, name=row.name or "", email=row.email or "")


def come_in(
    transaction: Transaction, *, token: str, password: str, client: str, name: str = "", email: str = "", language: str
) -> int:
    """Use a link: set a password (as stored), and, who is first, say who they are. Returns who came in.

    Raises NotFound, Unusable.
    """
    leads = way(transaction, token=token)
    connection = transaction.connection
    used = connection.execute(delete(Link).where(Link.token == tokens.stored(token))).rowcount
    if not used:
        raise NotFound("this link was used already, or is over; ask for another one")
    staff = leads.staff
    if staff is None:
        staff = add(transaction, name=name, email=email, roles=tuple(Role), language=language)
        leads = Way(kind=leads.kind, staff=staff, name=agent_name(name), email=email)
    changes: dict[str, Any] = {"password": password, "language": _language(language)}
    if leads.kind is LinkKind.RESET:
        changes |= {"totp_secret": None}  # whoever lost the phone has lost it for good
    connection.execute(update(Staff).where(Staff.id == staff).values(**changes))
    close_sessions(connection, staff)
    audit.note(
        connection, at=transaction.now, who=leads.name, staff=staff, action=f"staff.{leads.kind}.used", client=client
    )
    return staff


def invite(
    transaction: Transaction, *, by: Present, name: str, email: str, roles: Sequence[str], language: str
) -> Invited:
    """Let somebody in. Raises Unusable."""
    staff = add(transaction, name=name, email=email, roles=_roles(roles), language=language)
    token, ends_at = _link(transaction, LinkKind.INVITED, staff, LINK_LASTS)
    noted(transaction, by, "staff.invited", f"staff:{staff}", roles=list(_roles(roles)))
    return Invited(staff=staff, token=token, ends_at=ends_at)


def reset(transaction: Transaction, *, by: Present, staff: int) -> Invited:
    """A way to a new password, and out of a lost second factor; their sessions end. Raises NotFound."""
    _find(transaction, staff)
    transaction.connection.execute(delete(Link).where(Link.staff_id == staff))
    close_sessions(transaction.connection, staff)
    token, ends_at = _link(transaction, LinkKind.RESET, staff, LINK_LASTS)
    noted(transaction, by, "staff.reset", f"staff:{staff}")
    return Invited(staff=staff, token=token, ends_at=ends_at)


def change_roles(transaction: Transaction, *, by: Present, staff: int, roles: Sequence[str]) -> None:
    """Raises Impossible for the last admin, Unusable, NotFound."""
    row, new = _find(transaction, staff), _roles(roles)
    if Role.ADMIN not in new:
        _keep_an_admin(transaction, row)
    transaction.connection.execute(update(Staff).where(Staff.id == staff).values(roles=list(new)))
    touch(transaction.connection, (SESSIONS,))
    noted(transaction, by, "staff.roles", f"staff:{staff}", before=list(row.roles), after=list(new))


def let_go(transaction: Transaction, *, by: Present, staff: int) -> None:
    """They are let in no more, at once; what they did stays theirs. Raises Impossible for the last admin, NotFound."""
    row = _find(transaction, staff)
    _keep_an_admin(transaction, row)
    transaction.connection.execute(update(Staff).where(Staff.id == staff).values(left_at=transaction.now))
    transaction.connection.execute(delete(Link).where(Link.staff_id == staff))
    close_sessions(transaction.connection, staff)
    noted(transaction, by, "staff.left", f"staff:{staff}")


def take_back(transaction: Transaction, *, by: Present, staff: int) -> Invited:
    """Somebody who left works here again, through a fresh link. Raises NotFound."""
    connection = transaction.connection
    if not connection.execute(
        update(Staff).where(Staff.id == staff, Staff.left_at.is_not(None)).values(left_at=None, password=None)
    ).rowcount:
        raise NotFound(f"nobody of number {staff} has left")
    token, ends_at = _link(transaction, LinkKind.INVITED, staff, LINK_LASTS)
    noted(transaction, by, "staff.back", f"staff:{staff}")
    return Invited(staff=staff, token=token, ends_at=ends_at)


def colleagues(transaction: Transaction) -> list[Colleague]:
    """Everybody, by name; those who left last."""
    rows = transaction.connection.execute(
        select(
            Staff.id,
            Staff.name,
            Staff.email,
            Staff.roles,
            Staff.totp_secret,
            Staff.password,
            Staff.subject,
            Staff.left_at,
        ).order_by(Staff.left_at.is_not(None), Staff.name)
    )
    return [
        Colleague(
            id=row.id,
            name=row.name,
            email=row.email,
            roles=tuple(row.roles),
            second_factor=row.totp_secret is not None,
            in_yet=row.password is not None or row.subject is not None,
            left_at=row.left_at,
        )
        for row in rows
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class Own:
    """What somebody sees of their own account."""

    second_factor: bool
    other_sessions: int
    password: bool
    """They have one; who comes in by the provider alone has none."""
    openid: bool
    """The provider lets them in."""


def own_account(transaction: Transaction, *, present: Present) -> Own:
    connection = transaction.connection
    others = (
        select(func.count())
        .select_from(Session)
        .where(Session.staff_id == present.staff, Session.token != present.session, Session.ends_at > transaction.now)
    )
    row = connection.execute(
        select(Staff.totp_secret, Staff.password, Staff.subject).where(Staff.id == present.staff)
    ).one()
    return Own(
        second_factor=row.totp_secret is not None,
        other_sessions=connection.scalar(others) or 0,
        password=row.password is not None,
        openid=row.subject is not None,
    )


def end_other_sessions(transaction: Transaction, *, present: Present) -> int:
    """All but the one they are in; returns how many."""
    ended = close_sessions(transaction.connection, present.staff, but=present.session)
    noted(transaction, present, "staff.sessions_ended", f"staff:{present.staff}", ended=ended)
    return ended


def audit_log(transaction: Transaction, *, before: int | None = None, limit: int = 100) -> list[Row[*tuple[Any, ...]]]:
    """The latest lines, or those before one of them."""
    lines = select(*AuditEntry.__table__.columns).order_by(AuditEntry.id.desc()).limit(limit)
    if before is not None:
        lines = lines.where(AuditEntry.id < before)
    return list(transaction.connection.execute(lines).all())


def set_password(transaction: Transaction, *, present: Present, password: str) -> None:
    """Their own (as stored); all their other sessions end."""
    transaction.connection.execute(update(Staff).where(Staff.id == present.staff).values(password=password))
    close_sessions(transaction.connection, present.staff, but=present.session)
    noted(transaction, present, "staff.password", f"staff:{present.staff}")


def set_second_factor(transaction: Transaction, *, present: Present, secret: str | None, step: int = 0) -> None:
    """Their own: a secret whose code of `step` they have shown, or none any more."""
    transaction.connection.execute(
        update(Staff).where(Staff.id == present.staff).values(totp_secret=secret, totp_step=step)
    )
    noted(
        transaction, present, "staff.second_factor" if secret else "staff.second_factor.off", f"staff:{present.staff}"
    )


def set_language(transaction: Transaction, *, present: Present, language: str) -> None:
    """Raises Unusable."""
    transaction.connection.execute(update(Staff).where(Staff.id == present.staff).values(language=_language(language)))


def add(transaction: Transaction, *, name: str, email: str, roles: Sequence[Role], language: str) -> int:
    """Somebody new, without a way in; their number. Raises Unusable."""
    name, email = agent_name(name), email.strip().lower()
    if len(email) > 254 or _MAIL.fullmatch(email) is None:
        raise NoAddress("this is not a mail address")
    connection = transaction.connection
    taken = connection.execute(
        select(Staff.name, Staff.email).where((Staff.name == name) | (Staff.email == email)).limit(1)
    ).one_or_none()
    if taken is not None:
        what = "name" if taken.name == name else "mail address"
        raise Taken(f"somebody has this {what} already, or had it")
    row = {
        "name": name,
        "email": email,
        "roles": [role.value for role in roles],
        "language": _language(language),
        "totp_step": 0,
        "made_at": transaction.now,
    }
    return connection.execute(insert(Staff).returning(Staff.id), row).scalar_one()


def _find(transaction: Transaction, staff: int) -> Row[*tuple[Any, ...]]:
    row = transaction.connection.execute(
        select(Staff.id, Staff.name, Staff.roles).where(Staff.id == staff, Staff.left_at.is_(None)).with_for_update()
    ).one_or_none()
    if row is None:
        raise NotFound(f"nobody of number {staff} works here")
    return row


def _keep_an_admin(transaction: Transaction, row: Row[*tuple[Any, ...]]) -> None:
    if Role.ADMIN not in row.roles:
        return
    others = transaction.connection.execute(
        select(Staff.roles).where(
            Staff.left_at.is_(None), Staff.id != row.id, Staff.password.is_not(None) | Staff.subject.is_not(None)
        )
    )
    if not any(Role.ADMIN in other.roles for other in others):
        raise Impossible("somebody must be able to let people in: make another admin first")


def _link(transaction: Transaction, kind: LinkKind, staff: int | None, lasts: timedelta) -> tuple[str, datetime]:
    token, ends_at = tokens.new(), transaction.now + lasts
    transaction.connection.execute(
        insert(Link),
        {
            "token": tokens.stored(token),
            "kind": kind,
            "staff_id": staff,
            "made_at": transaction.now,
            "ends_at": ends_at,
        },
    )
    return token, ends_at


def _roles(roles: Sequence[str]) -> tuple[Role, ...]:
    known = {role.value for role in Role}
    if not roles or any(role not in known for role in roles):
        raise Unusable(f"at least one of {', '.join(Role)}")
    return tuple(role for role in Role if role in roles)


def _language(language: str) -> str:
    if language not in LANGUAGES:
        raise Unusable(f"the console speaks {', '.join(LANGUAGES)}")
    return language
