"""A real PostgreSQL for the tests: one server a session, from the installed binaries; databases as asked for."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import TypedDict

import psycopg
from psycopg import sql

from tests.given import missing
from tests.parents import dying_with_parent
from tests.ports import free_port

ADMIN = "rapport"
_FAST = {
    # A crash of the machine may lose what a test wrote; nothing that a process can do loses anything.
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "150",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "autovacuum_naptime": "10s",
    "timezone": "UTC",
    "unix_socket_directories": "",
    "listen_addresses": "127.0.0.1",
    "log_min_messages": "warning",
}


class _Account(TypedDict, total=False):
    """How a process is started as somebody else, as subprocess takes it."""

    user: int
    group: int
    extra_groups: list[str | int]
    cwd: Path
    env: dict[str, str]


class PostgresServer:
    """One cluster in a folder of its own, on a loopback port of its own, as an unprivileged user."""

    def __init__(self, binaries: Path, options: Mapping[str, str]) -> None:
        self._binaries = binaries
        self._options = {**_FAST, **options}
        self._account = _unprivileged()
        self.folder = Path(tempfile.mkdtemp(prefix="rapport-postgres-"))
        if self._account is not None:
            os.chown(self.folder, self._account.pw_uid, self._account.pw_gid)
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = count(1)

    @classmethod
    def create(cls, options: Mapping[str, str] | None = None) -> PostgresServer:
        """Make the cluster and start it, `options` before the tests' own; skips where PostgreSQL is not installed."""
        binaries = find_binaries()
        if binaries is None:
            missing("PostgreSQL is not installed (apt install postgresql)")
        _sweep()
        server = cls(binaries, options or {})
        initdb = [binaries / "initdb", "-D", server._data, "-U", ADMIN, "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
        made = subprocess.run(initdb, capture_output=True, check=False, **server._as_account())
        if made.returncode:
            raise RuntimeError(f"initdb failed: {made.stderr.decode(errors='replace')}")
        server.start()
        return server

    def start(self) -> None:
        """Start it (again) on the same port, and wait until it answers."""
        options = [part for name, value in self._options.items() for part in ("-c", f"{name}={value}")]
        log = (self.folder / "log").open("ab")
        self._process = subprocess.Popen(
            [*dying_with_parent(), self._binaries / "postgres", "-D", self._data, "-p", str(self.port), *options],
            stdout=log,
            stderr=log,
            **self._as_account(),
        )
        log.close()
        self._wait_until_up()

    def stop(self, *, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGINT breaks connections off and writes a checkpoint, SIGQUIT leaves recovery to the next start."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(timeout=30)
            self._process = None

    @property
    def pid(self) -> int:
        """Of the running server; its children serve the connections."""
        assert self._process is not None
        return self._process.pid

    def remove(self) -> None:
        self.stop(how=signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def create_database(self, *, template: str = "template1") -> str:
        """A fresh database, a copy of `template` (milliseconds); its name."""
        name = f"t{next(self._numbers)}"
        self._execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        return name

    def drop_database(self, name: str) -> None:
        """Away with it, whoever is still connected."""
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def url(self, database: str) -> str:
        """As `database.url` takes it."""
        return f"postgresql+psycopg://{ADMIN}@127.0.0.1:{self.port}/{database}"

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(host="127.0.0.1", port=self.port, user=ADMIN, dbname="postgres", autocommit=True) as admin:
            admin.execute(statement)

    def _wait_until_up(self) -> None:
        end = time.monotonic() + 30
        while True:
            try:
                self._execute(sql.SQL("SELECT {}").format(1))
                return
            except psycopg.OperationalError:
                assert self._process is not None
                if self._process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"PostgreSQL does not start: {(self.folder / 'log').read_text()}") from None
                time.sleep(0.02)

    def _as_account(self) -> _Account:
        account = self._account
        if account is None:
            return {"cwd": self.folder}
        home = {"HOME": str(self.folder), "PATH": os.environ["PATH"], "LC_ALL": "C"}
        return {
            "user": account.pw_uid,
            "group": account.pw_gid,
            "extra_groups": [],
            "cwd": self.folder,
            "env": home,
        }


def find_binaries() -> Path | None:
    """The folder of `postgres` and `initdb`: the newest that Debian installed, else what PATH has."""
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda f: -int(f.parent.name.split(".")[0])):
        if (folder / "postgres").exists() and (folder / "initdb").exists():
            return folder
    found = shutil.which("postgres")
    folder = Path(found).resolve().parent if found else None
    return folder if folder is not None and (folder / "initdb").exists() else None


def _unprivileged() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root: then it runs as somebody who may do nothing else here."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")


def _sweep() -> None:
    """Folders of sessions that were killed before they could clean up."""
    for folder in Path(tempfile.gettempdir()).glob("rapport-postgres-*"):
        pid = folder / "data" / "postmaster.pid"
        try:
            stale = time.time() - folder.stat().st_mtime > 3600 and not _alive(pid)
        except OSError:
            continue
        if stale:
            shutil.rmtree(folder, ignore_errors=True)


def _alive(pid_file: Path) -> bool:
    try:
        os.kill(int(pid_file.read_text().split()[0]), 0)
    except (OSError, ValueError, IndexError):
        return False
    return True
