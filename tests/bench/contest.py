"""Side by side: contestants take turns, A B C A B C …, so that a slow minute of the machine is everybody's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from tests.bench import houses
from tests.bench.generator import measure
from tests.bench.load import Measured, Plan, Way
from tests.bench.processes import Running, forget_peak, memory


class NotRecorded(Exception):
    """Customers were answered more often than the database knows: then no figure is worth anything."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """How long and how often is measured."""

    seconds: float
    warm_up: float
    rounds: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Contestant:
    """Something that answers customers, and is running."""

    name: str
    way: Way
    url: str
    pids: Sequence[int]
    database: str | None = None
    """Where every Turn must be found afterwards, as settings take it; None: not ours, or nothing is kept."""
    tokens: Sequence[str] = ()
    """Customers who come back."""
    beside: Sequence[int] = ()
    """Processes whose CPU is told apart: the database server's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One contestant in one round."""

    per_second: float
    p50: float
    """Milliseconds."""
    p99: float
    cpu: float
    """Microseconds of its processes for one turn."""
    cpu_beside: float
    """Microseconds of the database server's."""
    load: float
    """What the customers used of one core, 0 to 1."""
    peak: float
    """Megabytes of its processes together."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """One contestant under one number of clients, over all rounds."""

    name: str
    clients: int
    samples: Sequence[Sample]

    def middle(self, of: Callable[[Sample], float]) -> float:
        """The median over the rounds."""
        return median(of(sample) for sample in self.samples)

    @property
    def per_second(self) -> float:
        return self.middle(lambda sample: sample.per_second)

    @property
    def p50(self) -> float:
        return self.middle(lambda sample: sample.p50)

    @property
    def p99(self) -> float:
        return self.middle(lambda sample: sample.p99)


def side_by_side(
    contestants: Sequence[Contestant], clients: int, pace: Pace, *, tell: Callable[[str], None]
) -> list[Result]:
    """All of them, `pace.rounds` times. Raises LoadFailed and NotRecorded."""
    samples: Mapping[str, list[Sample]] = {each.name: [] for each in contestants}
    for number in range(pace.rounds):
        for each in contestants:
            sample = _sample(each, clients, pace)
            samples[each.name].append(sample)
            tell(f"{each.name}, {clients} clients, round {number + 1}: {sample.per_second:,.0f}/s")
    return [Result(name=name, clients=clients, samples=found) for name, found in samples.items()]


def ratio(one: Result, other: Result) -> float:
    """How many times as fast one is, as the median of the rounds' ratios."""
    return median(a.per_second / b.per_second for a, b in zip(one.samples, other.samples, strict=True))


def of_processes(name: str, way: Way, processes: Iterable[Running], **more: object) -> Contestant:
    """A contestant of one or several processes; customers go to the first."""
    running = list(processes)
    return Contestant(name=name, way=way, url=running[0].url, pids=[each.pid for each in running], **more)  # pyright: ignore[reportArgumentType]


def _sample(each: Contestant, clients: int, pace: Pace) -> Sample:
    newest = houses.newest_turn(each.database) if each.database else 0
    forget_peak(each.pids)
    measured = measure(
        Plan(
            way=each.way,
            url=each.url,
            clients=clients,
            seconds=pace.seconds,
            warm_up=pace.warm_up,
            tokens=each.tokens,
            watched={"contestant": each.pids, "beside": each.beside},
        )
    )
    if each.database and (recorded := houses.turns_after(each.database, newest)) < measured.answered:
        raise NotRecorded(f"{each.name}: {measured.answered} were answered, {recorded} are recorded")
    return _figures(measured, memory(each.pids, "VmHWM"))


def _figures(measured: Measured, peak: float) -> Sample:
    turns = len(measured.latencies)
    # So slow that no turn began and ended inside the time: those that did not count stand for it.
    latencies = measured.latencies or [measured.seconds]
    return Sample(
        per_second=max(turns, 1) / measured.seconds,
        p50=latencies[len(latencies) // 2] * 1000,
        p99=latencies[min(int(len(latencies) * 0.99), len(latencies) - 1)] * 1000,
        cpu=measured.cpu["contestant"] / max(turns, 1) * 1e6,
        cpu_beside=measured.cpu["beside"] / max(turns, 1) * 1e6,
        load=measured.own_cpu / measured.seconds,
        peak=peak,
    )
