"""An office: a database with staff in it, and verbs that run one transaction each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Engine, select

from desk import logins, staff
from desk.logins import Present
from storage.commits import Transaction
from storage.schema import Entity
from tests.clock import FrozenClock

R = TypeVar("R")

PASSWORD = "stored as it is: nothing here hashes"


class Office:
    """Runs verbs; a Refused leaves nothing behind."""

    def __init__(self, engine: Engine, clock: FrozenClock) -> None:
        self.engine = engine
        self.clock = clock

    def do(self, verb: Callable[..., R], **arguments: Any) -> R:
        with self.engine.begin() as connection:
            return verb(Transaction(connection=connection, now=self.clock()), **arguments)

    def rows(self, entity: type[Entity]) -> Sequence[Any]:
        with self.engine.connect() as connection:
            return connection.execute(select(*entity.__table__.columns).order_by(*entity.__table__.primary_key)).all()

    def first_admin(self) -> Present:
        """Ada, who may do everything."""
        token = self.do(staff.first_link)
        assert token is not None
        self.do(
            staff.come_in,
            token=token,
            password=PASSWORD,
            client="::1",
            name="Ada",
            email="Ada@Shop.test",
            language="en",
        )
        return self.log_in("ada@shop.test")

    def colleague(self, by: Present, name: str, *roles: str) -> Present:
        """Somebody who was invited and came."""
        email = f"{name.lower()}@shop.test"
        invited = self.do(staff.invite, by=by, name=name, email=email, roles=roles, language="zh-Hans")
        self.do(staff.come_in, token=invited.token, password=PASSWORD, client="::1", language="zh-Hans")
        return self.log_in(email)

    def log_in(self, email: str) -> Present:
        door = self.do(logins.knock, email=email, client="::1")
        assert door.staff is not None
        assert door.password == PASSWORD
        entered = self.do(logins.enter, staff=door.staff, client="::1", browser="Firefox")
        present = self.do(logins.who, token=entered.token)
        assert present is not None
        return present
