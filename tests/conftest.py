"""What all tests share: a clock that stands still, given data, databases, and a guard around the machine."""

from __future__ import annotations

import fcntl
import gc
import os
import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from gateway import logs
from gateway.settings import Logs
from tests import given as given_data
from tests import loopback, once
from tests.clock import FrozenClock
from tests.postgres import PostgresServer
from tests.used_again import UsedAgain

if TYPE_CHECKING:
    from nlu.rasa_engine import Trained


def pytest_configure() -> None:
    """A log line that would hold a customer's words or a secret fails the test that wrote it; being slow does not."""
    logs.configure(Logs(level="debug"), strict=True)
    settings.register_profile("house", deadline=None)
    settings.load_profile("house")


@pytest.fixture(scope="session", autouse=True)
def nothing_calculated_twice() -> Iterator[None]:
    """What every house would calculate anew, and always with the same result, is calculated once."""
    with pytest.MonkeyPatch.context() as patch:
        once.put_in_place(patch)
        yield


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What collecting makes stays to the end: nobody need look through it for garbage, now or between the tests."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def given() -> Callable[[str], Path]:
    """`given("nlu/banking77/train.csv")`: a file of the given data, or the reason for a skip."""
    return given_data.given


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    server = PostgresServer.create()
    yield server
    server.remove()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A fresh, empty database of the test's own."""
    name = postgres_server.create_database()
    yield postgres_server.url(name)
    postgres_server.drop_database(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh, empty database on each kind that we run on: a test that asks for it runs twice."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'rapport.sqlite3'}"
    return request.getfixturevalue("postgres_url")


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our tables in a SQLite file, made once; tests get copies."""
    from storage import migrations

    path = tmp_path_factory.mktemp("template") / "rapport.sqlite3"
    migrations.migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: PostgresServer) -> UsedAgain:
    """A database with our tables, made once; tests get copies."""
    from storage import migrations

    name = postgres_server.create_database()
    migrations.migrate(postgres_server.url(name))
    return UsedAgain(postgres_server, name)


@pytest.fixture
def migrated_sqlite_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    """A SQLite database of the test's own, with our tables."""
    return f"sqlite:///{shutil.copy(migrated_sqlite, tmp_path / 'rapport.sqlite3')}"


@pytest.fixture
def migrated_postgres_url(postgres_server: PostgresServer, migrated_postgres: UsedAgain) -> Iterator[str]:
    """A PostgreSQL database of the test's own, with our tables, and nothing in them."""
    name = migrated_postgres.take()
    yield postgres_server.url(name)
    migrated_postgres.give_back(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def migrated_url(request: pytest.FixtureRequest) -> str:
    """A database with our tables, on each kind that we run on: a test that asks for it runs twice."""
    return request.getfixturevalue("migrated_sqlite_url" if request.param == "sqlite" else "migrated_postgres_url")


@pytest.fixture(scope="session")
def trained_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A `models` folder with the embedded engine, trained once for all tests, also those of other workers."""
    from gateway.understanders import TRAINING_DATA
    from nlu.embedded import ensure_trained

    folder = tmp_path_factory.mktemp("models")
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return ensure_trained(TRAINING_DATA, folder).parent
    # All workers' folders lie in one that is of this run alone. Tests may write in theirs.
    everybody_s = tmp_path_factory.getbasetemp().parent / "models"
    everybody_s.mkdir(exist_ok=True)
    with (everybody_s / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        shutil.copy(ensure_trained(TRAINING_DATA, everybody_s), folder)
    return folder


@pytest.fixture(scope="session")
def rasa_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model of a real Rasa, trained once for all tests."""
    from tests import rasa

    return rasa.train(tmp_path_factory.mktemp("rasa") / "20260101-000000.tar.gz")


@pytest.fixture(scope="session")
def rasa_engine(rasa_model: Path) -> Iterator[Trained]:
    """A real Rasa server with that model."""
    from nlu.rasa_engine import Trained
    from tests import rasa

    engine = Trained(rasa.environment(), rasa_model, {})
    yield engine
    engine.close()


@pytest.fixture(autouse=True)
def outward_attempts() -> Generator[list[str]]:
    """Every test runs inside the guard; one that tests the guard itself empties the list."""
    with loopback.guard() as attempts:
        yield attempts
    if attempts:
        pytest.fail(f"tests touch nothing but loopback, and this one tried: {', '.join(attempts)}", pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where everything is required, a skip hides a missing part: it fails, with its reason."""
    report = yield
    if given_data.REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"{reason} (RAPPORT_REQUIRE_ALL=1 allows no skips)"
    return report
