"""Forged requests: on record, and not so many of them that they fill the disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import cast

import orjson
from aiohttp.test_utils import make_mocked_request

from channels.envelope import Arrival, Refusal
from channels.protocol import Accepted, Port, StorageUnavailable
from channels.unproven import LEFT_OUT, Unproven
from tests.clock import FrozenClock


@dataclass
class Records:
    """Keeps what it is handed; may be away."""

    away: bool = False
    refusals: list[Refusal] = field(default_factory=list[Refusal])

    async def accept(self, batch: Sequence[Arrival], *, cursor: str | None = None) -> Sequence[Accepted]:
        if self.away:
            raise StorageUnavailable("away")
        self.refusals += [arrival for arrival in batch if isinstance(arrival, Refusal)]
        return [Accepted(interaction_id=None) for _ in batch]


async def test_a_flood_of_forged_requests_leaves_a_few_records_an_hour_and_the_number_of_the_rest(
    clock: FrozenClock,
) -> None:
    records, unproven = Records(), Unproven("mail", clock=clock, per_hour=3)

    async def forged(times: int) -> None:
        for number in range(times):
            await unproven.note(
                cast(Port, records), "forged", b"%d" % number, size=1, headers={"User-Agent": "y" * 9_999}
            )

    await forged(1000)
    assert len(records.refusals) == 3
    assert len({refusal.sha256 for refusal in records.refusals}) == 3
    assert all(len(refusal.headers["User-Agent"]) == 500 for refusal in records.refusals)
    clock.advance(timedelta(hours=1))
    await forged(5)
    assert len(records.refusals) == 6
    assert [refusal.headers.get(LEFT_OUT) for refusal in records.refusals] == [None, None, None, "997", None, None]


async def test_while_our_storage_is_away_a_forger_is_owed_nothing_and_the_number_is_kept(clock: FrozenClock) -> None:
    records, unproven = Records(), Unproven("mail", clock=clock, per_hour=1)
    for _ in range(3):
        await unproven.note(cast(Port, records), "forged", b"", size=0, headers={})
    clock.advance(timedelta(hours=1))
    records.away = True
    await unproven.note(cast(Port, records), "forged", b"", size=0, headers={})
    clock.advance(timedelta(hours=1))
    records.away = False
    await unproven.note(cast(Port, records), "forged", b"", size=0, headers={})
    assert [refusal.headers.get(LEFT_OUT) for refusal in records.refusals] == [None, "2"]


async def test_headers_are_kept_as_aiohttp_hands_them_over(clock: FrozenClock) -> None:
    records, unproven = Records(), Unproven("pigeon", clock=clock)
    headers = dict(make_mocked_request("POST", "/pigeon", headers={"X-Coo": "forged"}).headers)
    await unproven.note(cast(Port, records), "forged", b"", size=0, headers=headers)
    (refusal,) = records.refusals
    assert orjson.loads(orjson.dumps(dict(refusal.headers))) == {"X-Coo": "forged"}
