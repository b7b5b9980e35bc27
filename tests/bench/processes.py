"""The processes that are measured: started for real, watched through /proc (Linux), stopped again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.given import CHECKOUT
from tests.parents import dying_with_parent

_TICK: Final = os.sysconf("SC_CLK_TCK")


class NotReady(Exception):
    """A process ended, or was silent for too long, before it could be measured; the message is the end of its log."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    """One process that answers."""

    pid: int
    url: str
    took: float
    """Seconds from its start until it said that it is ready."""


@contextmanager
def running(
    command: Sequence[str | Path],
    *,
    log: Path,
    ready: Callable[[str], str | None],
    environment: Mapping[str, str],
    folder: Path,
    patience: float = 60,
) -> Generator[Running]:
    """Start a command; `ready` reads its log and returns its URL once it serves. Raises NotReady."""
    with log.open("wb") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            [*dying_with_parent(), *command], stdout=output, stderr=output, env=dict(environment), cwd=folder
        )
    try:
        while (url := ready(log.read_text("utf-8", "replace"))) is None:
            if process.poll() is not None or time.perf_counter() - started > patience:
                raise NotReady(f"{Path(command[0]).name}: {log.read_text('utf-8', 'replace')[-2000:]}")
            time.sleep(0.005)
        yield Running(pid=process.pid, url=url, took=time.perf_counter() - started)
    finally:
        _stop(process)


def printed(module: str, *arguments: object) -> float:
    """The figure that a module of ours prints in a process of its own. Raises NotReady."""
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    if done.returncode:
        raise NotReady(done.stderr[-2000:])
    return float(done.stdout)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def cpu(pids: Sequence[int]) -> dict[int, float]:
    """User and system seconds of processes and their living children, with all threads, since each started."""
    everybody = [*pids, *(child for pid in pids for child in children(pid))]
    return {pid: ticks / _TICK for pid in everybody if (ticks := _ticks(pid)) is not None}


def _ticks(pid: int) -> int | None:
    """proc(5), stat; None: it has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("ascii", "replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name in parentheses may hold anything; fields are counted from after it.
    fields = stat.rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def memory(pids: Sequence[int], what: str) -> float:
    """Megabytes (10^6 bytes): `VmRSS` now, `VmHWM` the peak since `forget_peak` (proc(5), status)."""
    lines = [line for pid in pids for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith(f"{what}:")) * 1024 / 1e6


def forget_peak(pids: Sequence[int]) -> None:
    """Begin the peak again from what is used now (proc(5), clear_refs)."""
    for pid in pids:
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def children(pid: int) -> list[int]:
    """Processes that a process has started and that live."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
