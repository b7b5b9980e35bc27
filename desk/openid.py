"""OpenID: who comes in because the business's own login vouches for them.

Somebody is known by issuer and subject, never by a mail address alone: an address finds an account once, of somebody
whom an admin invited by it and who never came in, and only where the provider has verified it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Protocol

from sqlalchemy import Row, delete, select, update

from desk import logins, staff, tokens
from desk.agents import agent_name
from desk.deeds import noted
from desk.logins import Entered, Present
from desk.refusals import NotFound, Refused, Unusable
from storage import audit, openid
from storage.commits import Transaction
from storage.staff import Link, LinkKind, Role, Staff, any_staff
from storage.touched import SESSIONS, touch

NAME = 56
"""Characters of a name, so that a number fits behind it."""


class NotInvited(Refused):
    """The provider knows them, and no admin has let them in."""


class NoRole(Refused):
    """The provider gives them none of the roles that let somebody in."""


class HasPassword(Refused):
    """There is an account with this address; who owns it connects the two from inside."""


class ConnectedElsewhere(Refused):
    """This account, or this login at the provider, is connected to another one already."""


class NoPassword(Refused):
    """Without a password of their own nothing else would let them in."""


class Used(Refused):
    """This answer of the provider was used already."""


class Voucher(Protocol):
    """Who the provider says somebody is, verified."""

    @property
    def subject(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def email(self) -> str: ...
    @property
    def email_verified(self) -> bool: ...
    @property
    def groups(self) -> Sequence[str]: ...
    @property
    def second_factor(self) -> bool: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """What the provider's word is worth here."""

    roles: Mapping[str, Sequence[str]]
    """Our roles for its groups; a role that stands nowhere here is given in the console."""
    creates: bool
    """Whom nobody invited has an account made."""
    trusts_second_factor: bool
    language: str
    """Of the console for somebody new."""


def come_in(
    transaction: Transaction,
    *,
    voucher: Voucher,
    rules: Rules,
    state: str,
    invitation: str = "",
    client: str,
    browser: str,
) -> Entered:
    """Let in whom the provider vouches for. `state`: of its answer, good once; `invitation`: the link they came by.

    Raises Used, NotInvited, NoRole, HasPassword, ConnectedElsewhere, NotFound for an invitation that is over.
    """
    _use_up(transaction, state)
    row = (
        _by_invitation(transaction, voucher, invitation, client)
        if invitation
        else _known(transaction, voucher) or _expected(transaction, voucher) or _made(transaction, voucher, rules)
    )
    _take_over_roles(transaction, row, voucher, rules)
    shown = rules.trusts_second_factor and voucher.second_factor
    return logins.enter(transaction, staff=row.id, client=client, browser=browser, shown_elsewhere=shown, by="openid")


def connect(transaction: Transaction, *, present: Present, voucher: Voucher, state: str, client: str) -> None:
    """From now on the provider lets them into the account they are in. Raises Used, ConnectedElsewhere."""
    _use_up(transaction, state)
    connection = transaction.connection
    owner = connection.scalar(select(Staff.id).where(Staff.subject == voucher.subject))
    own = connection.scalar(select(Staff.subject).where(Staff.id == present.staff).with_for_update())
    if owner not in (None, present.staff) or own not in (None, voucher.subject):
        raise ConnectedElsewhere("one of the two is connected to another one already")
    _connect(transaction, present.staff, present.name, voucher, client)


def disconnect(transaction: Transaction, *, present: Present) -> None:
    """Their password alone lets them in. Raises NoPassword."""
    changed = transaction.connection.execute(
        update(Staff).where(Staff.id == present.staff, Staff.password.is_not(None)).values(subject=None)
    )
    if not changed.rowcount:
        raise NoPassword("without a password, nothing else would let them in")
    noted(transaction, present, "staff.openid.off", f"staff:{present.staff}")


def turn_away(transaction: Transaction, *, who: str, why: str, client: str) -> None:
    """Whoever came from the provider was not let in."""
    audit.note(
        transaction.connection,
        at=transaction.now,
        who=who[:100],
        action="login.refused",
        client=client,
        details={"by": "openid", "why": why[:200]},
    )


def _use_up(transaction: Transaction, state: str) -> None:
    if not openid.use(transaction.connection, tokens.stored(state), at=transaction.now):
        raise Used("this answer was used already; log in again")


_person = select(Staff.id, Staff.name, Staff.email, Staff.roles, Staff.password, Staff.subject, Staff.left_at)


def _known(transaction: Transaction, voucher: Voucher) -> Row[*tuple[Any, ...]] | None:
    row = transaction.connection.execute(
        _person.where(Staff.subject == voucher.subject).with_for_update()
    ).one_or_none()
    if row is not None and row.left_at is not None:
        raise NotInvited("they do not work here any more")
    return row


def _expected(transaction: Transaction, voucher: Voucher) -> Row[*tuple[Any, ...]] | None:
    """Whom an admin invited by this address, and who never came in. Raises HasPassword, NotInvited."""
    if not voucher.email or not voucher.email_verified:
        return None
    row = transaction.connection.execute(_person.where(Staff.email == voucher.email).with_for_update()).one_or_none()
    if row is None:
        return None
    if row.left_at is not None:
        raise NotInvited("they do not work here any more")
    if row.password is not None or row.subject is not None:
        raise HasPassword("there is an account with this address; log in to it, and connect the two there")
    transaction.connection.execute(delete(Link).where(Link.staff_id == row.id))
    _connect(transaction, row.id, row.name, voucher, None)
    return row


def _by_invitation(transaction: Transaction, voucher: Voucher, invitation: str, client: str) -> Row[*tuple[Any, ...]]:
    """Whoever holds the link is whom it was made for. Raises NotFound, ConnectedElsewhere."""
    leads = staff.way(transaction, token=invitation)
    if leads.kind is not LinkKind.INVITED or leads.staff is None:
        raise NotFound("this link is for a password")
    connection = transaction.connection
    if connection.scalar(select(Staff.id).where(Staff.subject == voucher.subject, Staff.id != leads.staff)) is not None:
        raise ConnectedElsewhere("this login is somebody else's here already")
    if not connection.execute(delete(Link).where(Link.token == tokens.stored(invitation))).rowcount:
        raise NotFound("this link was used already, or is over; ask for another one")
    row = connection.execute(_person.where(Staff.id == leads.staff).with_for_update()).one()
    _connect(transaction, row.id, row.name, voucher, client)
    return row


def _made(transaction: Transaction, voucher: Voucher, rules: Rules) -> Row[*tuple[Any, ...]]:
    """Somebody new. Raises NotInvited, NoRole."""
    if not rules.creates or not voucher.email or not voucher.email_verified:
        raise NotInvited("nobody invited them, or their address is not verified")
    if not any_staff(transaction.connection):
        raise NotInvited("the first admin comes first, by the link: nobody else could let people in")
    roles = _given(voucher, rules)
    if not roles:
        raise NoRole("the provider gives them no role that lets them in")
    number = _add(transaction, voucher, roles, rules.language)
    row = transaction.connection.execute(_person.where(Staff.id == number)).one()
    _connect(transaction, row.id, row.name, voucher, None)
    return row


def _add(transaction: Transaction, voucher: Voucher, roles: Sequence[Role], language: str) -> int:
    """Under their name, or, where somebody has it, with a number behind it: names never go to somebody else."""
    plain = "".join(one if one.isprintable() and one != ":" else " " for one in voucher.name)
    try:
        name = agent_name(" ".join(plain.split())[:NAME])
    except Unusable:
        name = agent_name(voucher.email.partition("@")[0][:NAME])
    for number in count(2):
        try:
            return staff.add(transaction, name=name, email=voucher.email, roles=roles, language=language)
        except staff.Taken:
            if number > 50:
                break
            name = f"{name.removesuffix(f' {number - 1}')} {number}"
    raise NotInvited("their name is taken too often; an admin invites them by another one")


def _connect(transaction: Transaction, number: int, name: str, voucher: Voucher, client: str | None) -> None:
    transaction.connection.execute(update(Staff).where(Staff.id == number).values(subject=voucher.subject))
    audit.note(
        transaction.connection,
        at=transaction.now,
        who=name,
        staff=number,
        action="staff.openid",
        subject=f"staff:{number}",
        client=client,
        details={"login": voucher.subject},
    )


def _given(voucher: Voucher, rules: Rules) -> tuple[Role, ...]:
    named = {role for group in voucher.groups for role in rules.roles.get(group, ())}
    return tuple(role for role in Role if role.value in named)


def _take_over_roles(transaction: Transaction, row: Row[*tuple[Any, ...]], voucher: Voucher, rules: Rules) -> None:
    """What the provider decides about follows it at each login; what it says nothing about stays. Raises NoRole."""
    if not rules.roles:
        return
    decided = {role for roles in rules.roles.values() for role in roles}
    given = _given(voucher, rules)
    new = [role.value for role in Role if role in given or (role in row.roles and role.value not in decided)]
    if not new:
        raise NoRole("the provider gives them no role that lets them in")
    if new == [role.value for role in Role if role in row.roles]:
        return
    transaction.connection.execute(update(Staff).where(Staff.id == row.id).values(roles=new))
    touch(transaction.connection, (SESSIONS,))
    audit.note(
        transaction.connection,
        at=transaction.now,
        who=row.name,
        staff=row.id,
        action="staff.roles",
        subject=f"staff:{row.id}",
        details={"by": "openid", "before": list(row.roles), "after": new},
    )
