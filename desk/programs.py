"""Programs: what may ask for some of what people do in the console, by a token that an admin has made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select, update

from desk import tokens
from desk.agents import agent_name
from desk.deeds import noted
from desk.logins import Present
from desk.refusals import NotFound, Unusable
from desk.rights import Right
from storage.api_tokens import ApiAnswer, ApiToken
from storage.commits import Transaction
from storage.staff import Staff

PREFIX = "rapport_"
"""By which those who look for secrets that have leaked know one of ours."""
USED_EVERY = timedelta(minutes=5)
"""How exactly we know when a token was used last."""
ANSWERS_KEPT = timedelta(hours=24)
LONGEST = 3650
"""Days."""


class NameTaken(Unusable):
    """A program or somebody of the staff has this name, or had it."""


class NoScope(Unusable):
    """A token that may do nothing is good for nothing."""


class KeyReused(Unusable):
    """This idempotency key came with another request before."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    """Who shows a token."""

    token: int
    name: str
    scopes: frozenset[Right]
    read_only: bool
    made_by: int
    """Of the staff."""
    used_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenFacts:
    """A token, as an admin lists it."""

    id: int
    name: str
    hint: str
    """Its last characters."""
    scopes: list[str]
    read_only: bool
    made_by: str
    made_at: datetime
    ends_at: datetime | None
    ended_at: datetime | None
    used_at: datetime | None
    over: bool
    """It was taken back, or its time is over."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenMade:
    """A token that was made; it is told once."""

    id: int
    token: str


def make_token(
    transaction: Transaction, *, by: Present, name: str, scopes: Sequence[str], read_only: bool, days: int | None
) -> TokenMade:
    """A way in for a program, for so many days (None: until it is taken back). Raises Unusable."""
    name, wanted = agent_name(name), grantable(scopes)
    if days is not None and not 1 <= days <= LONGEST:
        raise Unusable(f"a token is good for 1 to {LONGEST} days")
    connection = transaction.connection
    if connection.scalar(select(ApiToken.id).where(ApiToken.name == name)) is not None:
        raise NameTaken("a program has this name already, or had it")
    if connection.scalar(select(Staff.id).where(Staff.name == name)) is not None:
        raise NameTaken("somebody of the staff has this name; what a program does must be told apart from it")
    token = PREFIX + tokens.new()
    row = {
        "token": tokens.stored(token),
        "hint": token[-4:],
        "name": name,
        "scopes": [right.value for right in wanted],
        "read_only": read_only,
        "made_by": by.staff,
        "made_at": transaction.now,
        "ends_at": None if days is None else transaction.now + timedelta(days=days),
    }
    made = connection.execute(insert(ApiToken).returning(ApiToken.id), row).scalar_one()
    details: dict[str, object] = {"name": name, "scopes": row["scopes"], "read_only": read_only, "days": days}
    noted(transaction, by, "token.made", f"token:{made}", **details)
    return TokenMade(id=made, token=token)


def end_token(transaction: Transaction, *, by: Present, token: int) -> None:
    """It opens nothing any more, from this moment. Raises NotFound."""
    ended = transaction.connection.execute(
        update(ApiToken).where(ApiToken.id == token, ApiToken.ended_at.is_(None)).values(ended_at=transaction.now)
    )
    if not ended.rowcount:
        raise NotFound(f"there is no token {token}")
    noted(transaction, by, "token.ended", f"token:{token}")


def tokens_made(transaction: Transaction) -> list[TokenFacts]:
    """All there are, those that still open something first."""
    rows = transaction.connection.execute(
        select(*ApiToken.__table__.columns, Staff.name.label("maker")).join(Staff, Staff.id == ApiToken.made_by)
    )
    made = [
        TokenFacts(
            id=row.id,
            name=row.name,
            hint=row.hint,
            scopes=list(row.scopes),
            read_only=row.read_only,
            made_by=row.maker,
            made_at=row.made_at,
            ends_at=row.ends_at,
            ended_at=row.ended_at,
            used_at=row.used_at,
            over=row.ended_at is not None or (row.ends_at is not None and row.ends_at <= transaction.now),
        )
        for row in rows
    ]
    return sorted(made, key=lambda one: (one.over, -one.id))


def whose(transaction: Transaction, *, token: str) -> Program | None:
    """Who shows this token; None: it opens nothing, or no longer."""
    row = transaction.connection.execute(
        select(
            ApiToken.id,
            ApiToken.name,
            ApiToken.scopes,
            ApiToken.read_only,
            ApiToken.made_by,
            ApiToken.ends_at,
            ApiToken.used_at,
        ).where(ApiToken.token == tokens.stored(token), ApiToken.ended_at.is_(None))
    ).one_or_none()
    if row is None or (row.ends_at is not None and row.ends_at <= transaction.now):
        return None
    known = {right.value for right in Right}
    return Program(
        token=row.id,
        name=row.name,
        scopes=frozenset(Right(scope) for scope in row.scopes if scope in known),
        read_only=row.read_only,
        made_by=row.made_by,
        used_at=row.used_at,
    )


def used(transaction: Transaction, *, token: int) -> None:
    """It was shown just now."""
    transaction.connection.execute(update(ApiToken).where(ApiToken.id == token).values(used_at=transaction.now))


def answered(transaction: Transaction, *, token: int, key: str, request: bytes) -> tuple[int, bytes] | None:
    """What the same request with the same key was answered; None: it is new. Raises KeyReused."""
    row = transaction.connection.execute(
        select(ApiAnswer.request, ApiAnswer.status, ApiAnswer.body).where(
            ApiAnswer.token_id == token, ApiAnswer.key == key, ApiAnswer.at > transaction.now - ANSWERS_KEPT
        )
    ).one_or_none()
    if row is None:
        return None
    if row.request != request:
        raise KeyReused("this idempotency key came with another request before; take a fresh one for each")
    return row.status, row.body


def keep_answer(transaction: Transaction, *, token: int, key: str, request: bytes, status: int, body: bytes) -> None:
    """In the transaction of what was done: either both are there afterwards, or neither."""
    connection = transaction.connection
    connection.execute(delete(ApiAnswer).where(ApiAnswer.token_id == token, ApiAnswer.key == key))
    connection.execute(
        insert(ApiAnswer),
        {"token_id": token, "key": key, "request": request, "status": status, "body": body, "at": transaction.now},
    )


def forget_answers(transaction: Transaction) -> None:
    """By the clock: what a key stands for is known for a day."""
    transaction.connection.execute(delete(ApiAnswer).where(ApiAnswer.at <= transaction.now - ANSWERS_KEPT))


def grantable(scopes: Sequence[str]) -> list[Right]:
    """The rights that are meant. Raises Unusable."""
    known = {right.value: right for right in Right if right is not Right.BE_HERE}
    if strange := next((scope for scope in scopes if scope not in known), None):
        raise Unusable(f"there is no scope {strange!r}; there are {', '.join(known)}")
    if not scopes:
        raise NoScope("choose at least one thing that it may do")
    return [right for right in known.values() if right.value in scopes]
