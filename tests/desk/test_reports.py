"""Reports: every figure is what a slow count by its definition gives, and shown to whom it may be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as some
from sqlalchemy import Engine, select, update

from desk.logins import Present
from desk.refusals import NotFound
from desk.reports import measuring
from desk.reports.figures import FIGURES, SPREADS
from desk.reports.periods import Grain, NoSuchPeriod, Period, period
from desk.reports.report import NOTHING, Cut, NotForYou, Value, detail, report
from storage.cases import Case
from storage.commits import Transaction
from storage.conversations import Conversation, ConversationState
from storage.database import synchronous_engine
from storage.measured import Measured, MeasuredMessages
from tests.desk import reckoning
from tests.desk.reckoning import Reckoning, Talk

PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)
NOW = datetime(2026, 3, 6, 5, 0, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")


def somebody(name: str, *roles: str) -> Present:
    return Present(staff=1, name=name, email="", roles=roles, language="en", session=b"", seen_at=NOW)


SUE, BEN, MIA = somebody("Sue", "supervisor"), somebody("Ben", "agent"), somebody("Mia", "marketer")


@pytest.fixture
def engine(migrated_url: str) -> Iterator[Engine]:
    engine = synchronous_engine(migrated_url)
    yield engine
    engine.dispose()


@pytest.fixture
def transaction(engine: Engine) -> Iterator[Transaction]:
    """Nothing of it stays."""
    with engine.connect() as connection, connection.begin() as begun:
        yield Transaction(connection=connection, now=NOW)
        begun.rollback()


def talk(**facts: object) -> Talk:
    usual: dict[str, object] = {
        "channel": "mail",
        "agent": "Ben",
        "opened": 60,
        "handed": 5,
        "back": False,
        "said": [(0, "customer"), (1, "bot"), (20, "Ben")],
        "ended": (4000, ConversationState.RESOLVED),
        "case": None,
        "deadline": None,
    }
    return Talk(**(usual | facts))  # pyright: ignore[reportArgumentType]


def these_days(**more: object) -> Period:
    return period(now=NOW, zone=ZONE, first=date(2026, 3, 2), last=date(2026, 3, 6), **more)  # pyright: ignore[reportArgumentType]


@settings(max_examples=20, phases=PHASES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(house=reckoning.talks, zone=some.sampled_from(["Asia/Shanghai", "America/New_York", "Asia/Kolkata"]))
def test_every_figure_is_what_its_definition_says(engine: Engine, house: list[Talk], zone: str) -> None:
    days = period(now=NOW, zone=ZoneInfo(zone), first=date(2026, 3, 2), last=date(2026, 3, 6))
    with engine.connect() as connection, connection.begin() as begun:
        transaction = Transaction(connection=connection, now=NOW)
        measuring.measure(transaction, reckoning.build(connection, house))
        found = report(transaction, present=SUE, period=days, cut=Cut())
        begun.rollback()
    for series in found.series:
        key = series.figure.key
        spans = [(days.whole, series.whole), (days.before, series.before), *series.over_time]
        for bucket, value in spans:
            slow = Reckoning(house=house, begins=bucket.begins, ends=bucket.ends, now=NOW).figure(key)
            assert _like(value) == _like(slow), (
                key,
                bucket,
            )


def _like(value: Value) -> tuple[object, ...]:
    """A share of nothing is no share, however it is said."""
    rounded = None if value.value is None else round(value.value, 9)
    return rounded, value.count, value.among or None, value.high


@settings(max_examples=6, phases=PHASES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(house=reckoning.talks)
def test_channels_and_agents_add_up_to_the_whole(engine: Engine, house: list[Talk]) -> None:
    with engine.connect() as connection, connection.begin() as begun:
        transaction = Transaction(connection=connection, now=NOW)
        measuring.measure(transaction, reckoning.build(connection, house))
        for figure in ("conversations", "handed_off", "complaints", "backlog"):
            found = detail(transaction, present=SUE, figure=figure, period=these_days(), cut=Cut())
            for rows in found.by.values():
                assert sum(row.whole.count for row in rows) == found.series.whole.count
            for row in found.by["channel"]:
                alone = report(transaction, present=SUE, period=these_days(), cut=Cut(channel=row.of))
                assert row.whole == next(one.whole for one in alone.series if one.figure.key == figure)
        begun.rollback()


def test_a_late_change_is_in_the_figures_after_the_next_look(transaction: Transaction) -> None:
    (number,) = reckoning.build(transaction.connection, [talk()])
    later = Transaction(connection=transaction.connection, now=NOW + measuring.SETTLED)
    assert measuring.follow(later) == 1
    assert value_of(transaction, "conversations") == Value(value=1, count=1)
    transaction.connection.execute(
        update(Conversation).where(Conversation.id == number).values(state=ConversationState.SPAM)
    )
    measuring.go_round(later)
    assert value_of(transaction, "conversations") == Value(value=0, count=0)
    assert value_of(transaction, "messages_in").count == 0, "spam counts nowhere"


def test_what_is_closed_without_a_line_is_noticed(transaction: Transaction) -> None:
    (number,) = reckoning.build(transaction.connection, [talk(ended=None)])
    measuring.measure(transaction, [number])
    assert value_of(transaction, "backlog").count == 1
    assert measuring.close(transaction) == 0
    transaction.connection.execute(
        update(Conversation)
        .where(Conversation.id == number)
        .values(state=ConversationState.IDLE, closed_at=NOW - timedelta(hours=1))
    )
    assert measuring.close(transaction) == 1
    assert value_of(transaction, "backlog").count == 0


def test_the_clock_measures_all_there_is_in_pieces(transaction: Transaction) -> None:
    reckoning.build(transaction.connection, [talk(opened=place) for place in range(120)])
    later = Transaction(connection=transaction.connection, now=NOW + measuring.SETTLED)
    assert measuring.waiting(later) >= 360
    assert [measuring.follow(later) for _ in range(3)] == [40, 40, 40]
    assert len(transaction.connection.execute(select(Measured.conversation_id)).all()) == 120
    measured_twice = sorted(transaction.connection.scalars(select(MeasuredMessages.messages)))
    measuring.go_round(later)
    assert sorted(transaction.connection.scalars(select(MeasuredMessages.messages))) == measured_twice
    assert measuring.measured_until(later) == later.now


def value_of(transaction: Transaction, figure: str, *, present: Present = SUE) -> Value:
    return detail(transaction, present=present, figure=figure, period=these_days(), cut=Cut()).series.whole


def test_an_agent_sees_their_own_and_a_marketer_nobodys(transaction: Transaction) -> None:
    reckoning.build(transaction.connection, [talk(), talk(agent="Eve", said=[(0, "customer"), (9, "Eve")])])
    measuring.measure(transaction, transaction.connection.scalars(select(Conversation.id)).all())
    own = report(transaction, present=BEN, period=these_days(), cut=Cut(agent="Ben"))
    assert next(one.whole.count for one in own.series if one.figure.key == "messages_people") == 1
    assert {one.figure.key for one in own.series} == {figure.key for figure in FIGURES if figure.for_agents}
    for cut in (Cut(), Cut(agent="Eve"), Cut(channel="mail")):
        with pytest.raises(NotForYou):
            report(transaction, present=BEN, period=these_days(), cut=cut)
        with pytest.raises(NotForYou):
            detail(transaction, present=BEN, figure="first_response", period=these_days(), cut=cut)
    seen = report(transaction, present=MIA, period=these_days(), cut=Cut())
    assert {one.figure.part for one in seen.series} == {"volume", "satisfaction"}
    assert [one.spread.key for one in seen.spreads] == ["scores"]
    with pytest.raises(NotForYou):
        detail(transaction, present=MIA, figure="first_response", period=these_days(), cut=Cut())
    with pytest.raises(NotForYou):
        report(transaction, present=MIA, period=these_days(), cut=Cut(agent="Ben"))
    assert "agent" not in detail(transaction, present=MIA, figure="conversations", period=these_days(), cut=Cut()).by
    with pytest.raises(NotForYou):
        report(transaction, present=somebody("Ada", "admin"), period=these_days(), cut=Cut())
    with pytest.raises(NotFound):
        detail(transaction, present=SUE, figure="luck", period=these_days(), cut=Cut())


def test_reasons_and_causes_are_counted_with_the_period_before(transaction: Transaction) -> None:
    house = [talk(case=("complaint", 2, True, "quality", True)), talk(case=("complaint", None, False, None, False))]
    house.append(talk(case=("request", 5, True, "quality", True)))
    measuring.measure(transaction, reckoning.build(transaction.connection, house))
    transaction.connection.execute(update(Case).where(Case.cause.is_(None)).values(category="delivery"))
    found = report(transaction, present=SUE, period=these_days(), cut=Cut())
    kinds = {one.spread.key: one.rows for one in found.spreads}
    assert set(kinds) == {spread.key for spread in SPREADS}
    assert kinds["complaint_causes"] == (("delivery", 1, 0), ("quality", 1, 0))
    assert kinds["handoff_reasons"] == (("requested", 3, 0),)
    assert kinds["scores"] == (("2", 1, 0), ("5", 1, 0))


def test_without_anything_there_is_no_share_and_no_time(transaction: Transaction) -> None:
    found = {one.figure.key: one for one in report(transaction, present=SUE, period=these_days(), cut=Cut()).series}
    assert found["first_response"].whole == NOTHING
    assert found["containment"].whole.value is None
    assert found["conversations"].whole == Value(value=0, count=0)


def test_a_value_made_of_few_says_so() -> None:
    assert Value(value=0.75, count=3, among=4).few
    assert not Value(value=0.75, count=30, among=40).few
    assert not NOTHING.few


def test_a_day_is_the_business_s_own_also_when_the_clocks_change() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    days = period(now=datetime(2026, 4, 2, tzinfo=UTC), zone=berlin, first=date(2026, 3, 28), last=date(2026, 3, 30))
    assert [bucket.ends - bucket.begins for bucket in days.buckets] == [
        timedelta(hours=hours) for hours in (24, 23, 24)
    ]


def test_a_period_that_is_not_over_is_compared_with_as_much_of_the_one_before() -> None:
    days = these_days()
    assert days.before.begins == datetime(2026, 2, 24, 16, tzinfo=UTC)
    assert days.before.ends == NOW - timedelta(days=5)
    over = replace(days, now=NOW + timedelta(days=3))
    assert over.before.ends == over.whole.begins


@given(first=some.dates(date(2022, 1, 1), date(2026, 3, 6)), grain=some.none() | some.sampled_from(Grain))
def test_buckets_cover_the_period_without_a_gap(first: date, grain: Grain | None) -> None:
    days = period(now=NOW, zone=ZoneInfo("America/Sao_Paulo"), first=first, last=date(2026, 3, 6), grain=grain)
    assert days.buckets[0].begins == days.whole.begins
    assert days.buckets[-1].ends == days.whole.ends
    assert all(one.ends == following.begins for one, following in zip(days.buckets, days.buckets[1:], strict=False))
    assert len(days.buckets) <= 400


@pytest.mark.parametrize(("first", "last"), [(date(2026, 3, 9), None), (date(2019, 1, 1), date(2026, 1, 1))])
def test_a_period_to_come_or_without_end_is_refused(first: date, last: date | None) -> None:
    with pytest.raises(NoSuchPeriod):
        period(now=NOW, zone=ZONE, first=first, last=last)
