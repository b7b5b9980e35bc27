"""Who comes in, with what, and how often one may try."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import argon2
import pytest
from pyotp.totp import TOTP

from desk import logins, passwords, second_factor, staff
from desk.logins import Throttled, WrongCode
from desk.refusals import Unusable
from storage.audit import AuditEntry
from storage.database import synchronous_engine
from storage.staff import Attempts, Session, Stage
from tests.clock import FrozenClock
from tests.desk.office import Office


@pytest.fixture
def office(migrated_url: str, clock: FrozenClock) -> Iterator[Office]:
    engine = synchronous_engine(migrated_url)
    yield Office(engine, clock)
    engine.dispose()


def fail(office: Office, times: int, *, email: str = "ada@shop.test", client: str = "192.0.2.1") -> None:
    for _ in range(times):
        office.do(logins.turn_away, email=email, client=client)


def test_a_session_is_known_by_its_token_alone_and_stored_as_a_hash(office: Office) -> None:
    ada = office.first_admin()
    (session,) = office.rows(Session)
    entered = office.do(logins.enter, staff=ada.staff, client="::1", browser="x" * 999)
    assert entered.stage is Stage.WHOLE
    assert entered.token.encode() not in {row.token for row in office.rows(Session)}
    assert office.do(logins.who, token=session.token.hex()) is None
    assert office.do(logins.who, token="") is None
    assert office.do(logins.who, token="\ud800") is None
    assert max(len(row.browser) for row in office.rows(Session)) == 200


def test_a_session_ends_when_it_is_left_idle_or_old(office: Office) -> None:
    ada = office.first_admin()
    entered = office.do(logins.enter, staff=ada.staff, client="::1", browser="")
    for _ in range(20):
        office.clock.advance(timedelta(hours=7, minutes=59))
        present = office.do(logins.who, token=entered.token)
        assert present is not None
        office.do(logins.seen, session=present.session)
    office.clock.advance(timedelta(hours=8))
    assert office.do(logins.who, token=entered.token) is None
    office.do(logins.forget_old)
    assert office.rows(Session) == []


def test_a_session_in_constant_use_ends_after_a_week(office: Office) -> None:
    ada = office.first_admin()
    entered = office.do(logins.enter, staff=ada.staff, client="::1", browser="")
    for _ in range(24):
        office.clock.advance(timedelta(hours=7))
        if (present := office.do(logins.who, token=entered.token)) is not None:
            office.do(logins.seen, session=present.session)
    assert office.do(logins.who, token=entered.token) is None


def test_leaving_ends_this_session_and_no_other(office: Office) -> None:
    office.first_admin()
    phone, desk = office.log_in("ada@shop.test"), office.log_in("ada@shop.test")
    office.do(logins.leave, present=phone, client="::1")
    assert desk.session in {row.token for row in office.rows(Session)}
    assert phone.session not in {row.token for row in office.rows(Session)}


def test_after_a_few_failures_an_account_must_wait_longer_each_time_but_never_long(office: Office) -> None:
    office.first_admin()
    fail(office, 4)
    office.do(logins.knock, email="ada@shop.test", client="192.0.2.1")
    fail(office, 1)
    with pytest.raises(Throttled) as first:
        office.do(logins.knock, email=" Ada@Shop.test ", client="198.51.100.7")
    assert first.value.wait == timedelta(seconds=2)
    fail(office, 10)
    with pytest.raises(Throttled) as later:
        office.do(logins.knock, email="ada@shop.test", client="198.51.100.7")
    assert later.value.wait == timedelta(minutes=1)
    office.clock.advance(timedelta(minutes=1))
    office.log_in("ada@shop.test")
    assert [row.key for row in office.rows(Attempts)] == ["client:192.0.2.1"], "who comes in has a clean sheet"


def test_a_client_that_tries_many_accounts_must_wait_though_each_is_tried_once(office: Office) -> None:
    office.first_admin()
    for number in range(30):
        fail(office, 1, email=f"guess{number}@shop.test", client="192.0.2.1")
    with pytest.raises(Throttled):
        office.do(logins.knock, email="ada@shop.test", client="192.0.2.1")
    office.do(logins.knock, email="ada@shop.test", client="198.51.100.7")


def test_failures_are_forgotten_after_an_hour(office: Office) -> None:
    fail(office, 50)
    office.clock.advance(timedelta(hours=1))
    office.do(logins.knock, email="ada@shop.test", client="192.0.2.1")
    office.do(logins.forget_old)
    assert office.rows(Attempts) == []


def test_what_strangers_try_is_in_the_audit_log(office: Office) -> None:
    fail(office, 1, email="root@shop.test")
    (entry,) = office.rows(AuditEntry)
    assert (entry.action, entry.who, entry.client, entry.staff_id) == (
        "login.refused",
        "root@shop.test",
        "192.0.2.1",
        None,
    )


def test_with_a_second_factor_the_password_alone_opens_nothing(office: Office) -> None:
    ada = office.first_admin()
    secret = second_factor.new_secret()
    office.do(staff.set_second_factor, present=ada, secret=secret)
    waiting = office.do(logins.enter, staff=ada.staff, client="::1", browser="")
    assert waiting.stage is Stage.PASSWORD
    assert office.do(logins.who, token=waiting.token) is None
    code = TOTP(secret).at(office.clock())
    with pytest.raises(WrongCode):
        office.do(logins.prove, token=waiting.token, code="000000", client="::1", browser="")
    entered = office.do(logins.prove, token=waiting.token, code=f"{code[:3]} {code[3:]}", client="::1", browser="")
    assert entered.token != waiting.token
    assert office.do(logins.who, token=entered.token) is not None
    with pytest.raises(WrongCode):
        office.do(logins.prove, token=waiting.token, code=code, client="::1", browser="")


def test_a_code_is_good_once_and_not_for_long(office: Office) -> None:
    ada = office.first_admin()
    secret = second_factor.new_secret()
    office.do(staff.set_second_factor, present=ada, secret=secret)
    code = TOTP(secret).at(office.clock())
    first, second = (office.do(logins.enter, staff=ada.staff, client="::1", browser="") for _ in range(2))
    office.do(logins.prove, token=first.token, code=code, client="::1", browser="")
    with pytest.raises(WrongCode):
        office.do(logins.prove, token=second.token, code=code, client="::1", browser="")
    office.clock.advance(timedelta(seconds=90))
    with pytest.raises(WrongCode):
        office.do(
            logins.prove,
            token=second.token,
            code=TOTP(secret).at(office.clock() - timedelta(minutes=1)),
            client="::1",
            browser="",
        )
    office.clock.advance(timedelta(minutes=5))
    with pytest.raises(WrongCode, match="too long"):
        office.do(logins.prove, token=second.token, code=TOTP(secret).at(office.clock()), client="::1", browser="")


def test_guessing_codes_is_throttled_like_guessing_passwords(office: Office) -> None:
    ada = office.first_admin()
    secret = second_factor.new_secret()
    office.do(staff.set_second_factor, present=ada, secret=secret)
    waiting = office.do(logins.enter, staff=ada.staff, client="192.0.2.1", browser="")
    for _ in range(5):
        office.do(logins.count_wrong_code, token=waiting.token, client="192.0.2.1")
    with pytest.raises(Throttled):
        office.do(
            logins.prove,
            token=waiting.token,
            code=TOTP(secret).at(office.clock()),
            client="192.0.2.1",
            browser="",
        )


def test_a_password_is_long_and_nothing_that_everybody_knows(office: Office) -> None:
    for weak in ("short", "aaaaaaaaaaaaaaaa", "x" * 257, "ada@shop.test"):
        with pytest.raises(Unusable):
            passwords.hashed(weak, known=("Ada", "ada@shop.test"))
    stored = passwords.hashed("correct horse battery")
    assert stored.startswith("$argon2id$")
    assert passwords.is_right(stored, "correct horse battery")
    assert not passwords.is_right(stored, "correct horse battery ")
    assert not passwords.is_right(None, "a password that nobody has")
    assert not passwords.is_right("not a hash", "correct horse battery")


def test_a_stolen_password_costs_the_thief_some_work_for_each_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    """At least what RFC 9106 (4, the second recommended option) asks for; the other tests take it easier."""
    monkeypatch.setattr(passwords, "PasswordHasher", argon2.PasswordHasher)
    stored = passwords._hasher.__wrapped__().hash("correct horse battery")
    cost = argon2.extract_parameters(stored)
    assert (cost.type, cost.version) == (argon2.Type.ID, 19)
    assert cost.memory_cost >= 64 * 1024
    assert cost.time_cost >= 3
    assert (cost.salt_len, cost.hash_len) >= (16, 32)
