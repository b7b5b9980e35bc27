"""opsdroid beside us: its released version from PyPI in an environment of its own, with its SQLite memory."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.bench.processes import Running, running
from tests.ports import free_port, listens

VERSION: Final = "0.31.0"
PACKAGES: Final = (
    f"opsdroid=={VERSION}",
    "aiosqlite==0.22.1",
    "setuptools<80",  # it imports pkg_resources, which later ones have not
)
PYTHONS: Final = ("3.11", "3.10")
SKILL: Final = Path(__file__).parent / "opsdroid_skill"


class NotInstalled(Exception):
    """opsdroid cannot be measured here; the message says why."""


def environment(cache: Path, uv: Path, *, offline: bool) -> Path:
    """The `opsdroid` command, installed at the first call. Raises NotInstalled."""
    folder = cache / f"opsdroid-{VERSION}"
    command = folder / "bin" / "opsdroid"
    if _works(command):
        return command
    if offline:
        raise NotInstalled("it is not installed, and nothing may be fetched")
    made = None
    for python in PYTHONS:
        made = _run(uv, "venv", "--quiet", "--clear", "--python", python, folder)
        if made.returncode == 0:
            break
    if made is None or made.returncode:
        raise NotInstalled(f"no Python {' or '.join(PYTHONS)} is here: {_last_line(made)}")
    installed = _run(uv, "pip", "install", "--quiet", "--python", folder / "bin" / "python", *PACKAGES)
    if installed.returncode:
        raise NotInstalled(f"its installation failed: {_last_line(installed)}")
    if not _works(command):
        raise NotInstalled("it is installed and does not start")
    return command


def find_uv(root: Path) -> Path:
    """The uv that the Makefile uses. Raises NotInstalled."""
    found = shutil.which("uv")
    for candidate in (*([Path(found)] if found else []), root / ".tools" / "bin" / "uv"):
        if candidate.exists() and _run(candidate, "--version").returncode == 0:
            return candidate
    raise NotInstalled("uv, which would install it, is not here")


@contextmanager
def serving(command: Path, folder: Path, database: Path) -> Generator[Running]:
    """opsdroid with its websocket connector, and its memory in the SQLite file `database`. Raises NotReady."""
    folder.mkdir(parents=True)
    port = free_port()
    configuration = folder / "configuration.yaml"
    configuration.write_text(_configuration(port, database), "utf-8")
    # It copies skills into, and logs to, the home folder.
    own = {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": "", "XDG_CACHE_HOME": "", "XDG_CONFIG_HOME": ""}
    with running(
        [command, "start", "-f", configuration],
        log=folder / "log",
        ready=lambda _: f"http://127.0.0.1:{port}" if listens(port) else None,
        environment={name: value for name, value in own.items() if value},
        folder=folder,
    ) as process:
        yield process


def _configuration(port: int, database: Path) -> str:
    """As its documentation advises; limits of connections lifted, as ours are."""
    return f"""\
logging: {{level: error, console: true}}
welcome-message: false
web: {{host: 127.0.0.1, port: {port}}}
parsers:
  regex: {{enabled: true}}
connectors:
  websocket: {{max-connections: 100000}}
databases:
  sqlite: {{path: "{database}"}}
skills:
  smalltalk: {{path: "{SKILL}"}}
"""


def _works(command: Path) -> bool:
    return command.exists() and VERSION in _run(command, "version").stdout


def _run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    # An environment of somebody else's must not be the one that is filled.
    own = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, env=own, timeout=300)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", "it took longer than five minutes")


def _last_line(done: subprocess.CompletedProcess[str] | None) -> str:
    lines = done.stderr.strip().splitlines() if done else []
    return lines[-1].strip() if lines else "no reason was given"
