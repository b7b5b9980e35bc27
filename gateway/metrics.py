"""Metrics for Prometheus: what came in, what went out, what waits and for how long.

Every process answers for itself; Prometheus adds up. Names and labels here are what dashboards and alerts are built
on: adding is free, renaming is a breaking change. Labels come from closed lists, never from customers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4

CIRCUIT: Final = ("closed", "open", "probing")
"""States of the circuit to the preferred engine, as nlu.breaker.Circuit names them."""
_MILLISECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_SECONDS: Final = (0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.25, 2.5, 5.0, 10.0, 30.0)
_ROWS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class Metrics:
    """One process's counters, in a registry of their own.

    The methods are called on the hot path: the child of each set of labels is found once and kept.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._received = self._counter("received", "Events stored, by channel and kind.", "channel", "event")
        self._duplicates = self._counter("duplicates", "Events that a provider repeated; nothing happened.", "channel")
        self._refused = self._counter("refused", "Inputs not taken, by reason.", "channel", "reason")
        self._handled = self._counter("handled", "Messages that a turn has dealt with.", "channel")
        self._sent = self._counter("sent", "Deliveries that left or will not, by outcome.", "channel", "outcome")
        self._handed_off = self._counter("handed_off", "Conversations passed to people, by reason.", "reason")
        self._routed = self._counter("routed", "Conversations given to somebody who was available, by why.", "why")
        self._returned = self._counter("returned", "Conversations not taken or answered in time, by which.", "why")
        self._fallbacks = self._counter("nlu_fallbacks", "Texts the standby engine answered, by reason.", "reason")
        self._circuit = self._gauge("nlu_circuit", "1 for the state of the circuit to the preferred engine.", "state")
        self._turn_seconds = self._histogram(
            "turn_seconds", "Receipt of a message to the commit of its reply.", _SECONDS
        )
        self._nlu_seconds = self._histogram("nlu_seconds", "Understanding a batch of texts.", _MILLISECONDS, "engine")
        self._assistant_seconds = self._histogram(
            "assistant_seconds", "The business's own assistant, a message each.", _SECONDS
        )
        self._assistant_failures = self._counter(
            "assistant_failures", "Turns that the business's own assistant did not answer, by trouble.", "trouble"
        )
        self._commit_rows = self._histogram("commit_items", "Items that shared a commit.", _ROWS, "work")
        self._commit_seconds = self._histogram("commit_seconds", "Writing a shared commit.", _MILLISECONDS, "work")
        self._queue_depth = self._gauge("queue_depth", "What waits.", "queue")
        self._queue_age = self._gauge("queue_age_seconds", "How long the oldest has been waiting.", "queue")
        self._connections = self._gauge("connections", "Clients connected to this process.", "channel")
        self._bind()

    def add(self, counts: Mapping[tuple[str, ...], int]) -> None:
        """What a commit has counted: how often, by what and its labels."""
        for (what, *labels), number in counts.items():
            COUNTED[what](self, *labels, number)

    def received(self, channel: str, event: str, number: int = 1) -> None:
        """Events were stored; `event` is an Event."""
        self._received_child(channel, event).inc(number)

    def duplicates(self, channel: str, number: int = 1) -> None:
        self._duplicates_child(channel).inc(number)

    def refused(self, channel: str, reason: str, number: int = 1) -> None:
        """`reason` is a name of ours, never what the sender wrote."""
        self._refused_child(channel, reason).inc(number)

    def handled(self, channel: str, number: int = 1) -> None:
        self._handled_child(channel).inc(number)

    def sent(self, channel: str, outcome: str, number: int = 1) -> None:
        """`outcome` is a DeliveryStatus."""
        self._sent_child(channel, outcome).inc(number)

    def handed_off(self, reason: str, number: int = 1) -> None:
        """`reason` is a HandOffReason."""
        self._handed_off.labels(reason).inc(number)

    def routed(self, why: str, number: int = 1) -> None:
        """`why` is a desk.choice.Why."""
        self._routed.labels(why).inc(number)

    def returned(self, why: str, number: int = 1) -> None:
        """`why`: `untaken`, `unanswered` or `gone`."""
        self._returned.labels(why).inc(number)

    def turn(self, seconds: float) -> None:
        self._turn_seconds.observe(seconds)

    def understood(self, engine: str, seconds: float) -> None:
        """A batch of texts was understood by `engine` in `seconds`."""
        self._nlu_child(engine).observe(seconds)

    def fell_back(self, reason: str, number: int = 1) -> None:
        """`reason` is a short name: `timeout`, `unreachable`, `nonsense`, `circuit_open`."""
        self._fallbacks_child(reason).inc(number)

    def assistant_took(self, seconds: float) -> None:
        self._assistant_seconds.observe(seconds)

    def assistant_failed(self, trouble: str) -> None:
        """`trouble` is a Trouble."""
        self._assistant_failures.labels(trouble).inc()

    def circuit(self, state: str) -> None:
        """`closed`: the preferred engine is asked; `open`: it is not; `probing`: one message tries."""
        for each in CIRCUIT:
            self._circuit.labels(each).set(each == state)

    def committed(self, work: str, items: int, seconds: float) -> None:
        """A shared commit was written: `work` is `receive`, `apply` or `send`."""
        self._commit_rows_child(work).observe(items)
        self._commit_seconds_child(work).observe(seconds)

    def waiting(self, queues: Iterable[tuple[str, int, float]]) -> None:
        """Name, depth and age in seconds of the oldest, of each queue; set by a tick."""
        for queue, depth, age in queues:
            self._queue_depth.labels(queue).set(depth)
            self._queue_age.labels(queue).set(max(0.0, age))

    def connected(self, channel: str, number: int) -> None:
        self._connections.labels(channel).set(number)

    def exposition(self) -> bytes:
        """What `/metrics` answers, in CONTENT_TYPE."""
        return generate_latest(self.registry)

    def _bind(self) -> None:
        """`labels()` takes a lock and builds a tuple of strings at each call; a cache of its children does not."""
        self._received_child = cache(self._received.labels)
        self._duplicates_child = cache(self._duplicates.labels)
        self._refused_child = cache(self._refused.labels)
        self._handled_child = cache(self._handled.labels)
        self._sent_child = cache(self._sent.labels)
        self._fallbacks_child = cache(self._fallbacks.labels)
        self._nlu_child = cache(self._nlu_seconds.labels)
        self._commit_rows_child = cache(self._commit_rows.labels)
        self._commit_seconds_child = cache(self._commit_seconds.labels)

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(name, what, labels, namespace="rapport", registry=self.registry)

    def _gauge(self, name: str, what: str, *labels: str) -> Gauge:
        return Gauge(name, what, labels, namespace="rapport", registry=self.registry)

    def _histogram(self, name: str, what: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(name, what, labels, namespace="rapport", registry=self.registry, buckets=buckets)


COUNTED: Mapping[str, Callable[..., None]] = {
    "received": Metrics.received,
    "duplicates": Metrics.duplicates,
    "refused": Metrics.refused,
    "handled": Metrics.handled,
    "sent": Metrics.sent,
    "handed_off": Metrics.handed_off,
    "routed": Metrics.routed,
    "returned": Metrics.returned,
}
"""What a commit counts, by the name it has in `Transaction.count`."""
