"""What an operator's dashboard reads."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from channels.envelope import DeliveryStatus, Event
from gateway.metrics import Metrics
from nlu.breaker import Circuit


def read(metrics: Metrics) -> dict[str, float]:
    """Every sample of the exposition, as Prometheus would parse it: `name{label="value"}` to value."""
    families = text_string_to_metric_families(metrics.exposition().decode())
    return {
        f"{sample.name}{{{','.join(f'{name}={value}' for name, value in sample.labels.items())}}}": sample.value
        for family in families
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def test_what_came_in_is_counted_by_channel_and_kind() -> None:
    metrics = Metrics()
    metrics.received("telegram", Event.MESSAGE)
    metrics.received("telegram", Event.MESSAGE, 3)
    metrics.received("webchat", Event.CALLBACK)
    metrics.duplicates("telegram")
    metrics.refused("webchat", "too_large")
    samples = read(metrics)
    assert samples["rapport_received_total{channel=telegram,event=message}"] == 4
    assert samples["rapport_received_total{channel=webchat,event=callback}"] == 1
    assert samples["rapport_duplicates_total{channel=telegram}"] == 1
    assert samples["rapport_refused_total{channel=webchat,reason=too_large}"] == 1


def test_what_went_out_is_counted_by_outcome() -> None:
    metrics = Metrics()
    metrics.handled("telegram")
    metrics.sent("telegram", DeliveryStatus.SENT)
    metrics.sent("telegram", DeliveryStatus.UNKNOWN)
    samples = read(metrics)
    assert samples["rapport_handled_total{channel=telegram}"] == 1
    assert samples["rapport_sent_total{channel=telegram,outcome=sent}"] == 1
    assert samples["rapport_sent_total{channel=telegram,outcome=unknown}"] == 1


def test_times_and_sizes_fall_into_buckets() -> None:
    metrics = Metrics()
    metrics.turn(0.03)
    metrics.understood("rasa", 0.2)
    metrics.fell_back("timeout")
    metrics.committed("receive", 40, 0.004)
    samples = read(metrics)
    assert samples["rapport_turn_seconds_bucket{le=0.04}"] == 1
    assert samples["rapport_turn_seconds_bucket{le=0.02}"] == 0
    assert samples["rapport_nlu_seconds_count{engine=rasa}"] == 1
    assert samples["rapport_nlu_fallbacks_total{reason=timeout}"] == 1
    assert samples["rapport_commit_items_sum{work=receive}"] == 40
    assert samples["rapport_commit_seconds_sum{work=receive}"] == pytest.approx(0.004)


def test_of_the_circuit_s_states_one_is_on() -> None:
    metrics = Metrics()
    for state in Circuit:
        metrics.circuit(state)
        samples = read(metrics)
        assert {each: samples[f"rapport_nlu_circuit{{state={each}}}"] for each in Circuit} == {
            each: each is state for each in Circuit
        }


def test_what_waits_is_as_the_last_tick_saw_it() -> None:
    metrics = Metrics()
    metrics.waiting([("outbox", 12, 3.5), ("lanes", 1, 0.1)])
    metrics.waiting([("outbox", 0, -0.2)])
    metrics.connected("webchat", 64)
    samples = read(metrics)
    assert samples["rapport_queue_depth{queue=outbox}"] == 0
    assert samples["rapport_queue_age_seconds{queue=outbox}"] == 0
    assert samples["rapport_queue_depth{queue=lanes}"] == 1
    assert samples["rapport_connections{channel=webchat}"] == 64


def test_two_gateways_in_one_process_count_apart() -> None:
    one, other = Metrics(), Metrics()
    one.handled("webchat")
    assert "rapport_handled_total{channel=webchat}" not in read(other)
