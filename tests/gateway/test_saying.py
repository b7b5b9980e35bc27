"""How long words are worth sending depends on why they are said."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import cast

import pytest

from bot.effects import Say
from bot.turn import Purpose
from campaigns.policy import Defer, Situation, may_write
from campaigns.quiet_hours import zone
from gateway.outcomes import Outcome, Standing
from gateway.saying import Speaker, Words
from storage.commits import Transaction
from tests.clock import FrozenClock


def deadline(purpose: Purpose, clock: FrozenClock) -> datetime:
    """Until when one Say is worth sending, on a channel that does not stream."""
    words = Words()
    outcome = SimpleNamespace(
        turn=SimpleNamespace(channel=SimpleNamespace(name="post"), conversation=SimpleNamespace(id=1)),
        claim=SimpleNamespace(
            contact=1, through=3, person=SimpleNamespace(address_id=1, uri="post:1"), talk=SimpleNamespace(thread="")
        ),
    )
    transaction = SimpleNamespace(now=clock.now(), news=[], count=lambda *_: None)
    Speaker(streams=frozenset(), deadline=timedelta(hours=1)).say(
        cast(Transaction, transaction),
        words,
        cast(Outcome, outcome),
        Say(text="How was it?", purpose=purpose),
        cast(Standing, SimpleNamespace(epoch=0)),
        7,
        overtaken=False,
    )
    return clock.now() + words.deliveries[0].patience


def test_a_reply_is_too_late_after_the_hour(clock: FrozenClock) -> None:
    assert deadline(Purpose.SERVICE, clock) == clock.now() + timedelta(hours=1)


@pytest.mark.parametrize("purpose", [Purpose.SURVEY, Purpose.MARKETING])
def test_what_quiet_hours_defer_to_the_morning_is_not_too_late_then(purpose: Purpose, clock: FrozenClock) -> None:
    late = deadline(purpose, clock)
    where = zone("Asia/Shanghai", "UTC")
    night = clock.now().astimezone(where).replace(hour=22, minute=0)
    verdict = may_write(Situation(now=night, purpose=purpose, deadline=late, zone=where, consent=True))
    assert isinstance(verdict, Defer)
    assert verdict.until < late
