"""Questions that are asked again and again: what is remembered of their answers is never out of date."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import bindparam, insert, select, update

from storage.database import synchronous_engine
from storage.many import LONG, Question, named
from storage.teams import Team


def test_a_row_is_made_anew_where_it_has_changed_and_only_there(migrated_url: str) -> None:
    made: list[str] = []

    def note(values: object) -> str:
        made.append(str(values))
        return made[-1]

    question = Question(select(Team.name).where(Team.id > bindparam("after")), into=note, remembers=10)
    engine = synchronous_engine(migrated_url)
    with engine.begin() as connection:
        connection.execute(insert(Team), [_team(1, "Sales"), _team(2, "Care")])
        assert question.ask(connection, {"after": 0}) == ["['Sales']", "['Care']"]
        connection.execute(update(Team).where(Team.id == 2).values(name="Aftercare"))
        assert question.ask(connection, {"after": 0}) == ["['Sales']", "['Aftercare']"]
        if connection.dialect.name == "sqlite":
            assert made == ["['Sales']", "['Care']", "['Aftercare']"]
    engine.dispose()


def test_a_long_row_is_made_each_time_and_not_kept(migrated_url: str) -> None:
    made: list[object] = []
    question = Question(select(Team.name), into=made.append, remembers=10)
    engine = synchronous_engine(migrated_url)
    with engine.begin() as connection:
        connection.execute(insert(Team), [_team(1, "x" * (LONG + 1))])
        for _ in range(2):
            question.ask(connection, {})
    assert len(made) == 2
    engine.dispose()


def test_a_question_without_parameters_is_one_as_well(migrated_url: str) -> None:
    engine = synchronous_engine(migrated_url)
    with engine.begin() as connection:
        connection.execute(insert(Team), [_team(1, "100 % Sales")])
        assert [team.name for team in named(select(Team.name)).ask(connection, {})] == ["100 % Sales"]
    engine.dispose()


def _team(number: int, name: str) -> dict[str, object]:
    anything: list[str] = []
    served = {"languages": anything, "channels": anything, "tiers": anything, "topics": anything}
    return {"id": number, "name": name, "made_at": datetime(2026, 3, 2, 9, tzinfo=UTC), **served}
