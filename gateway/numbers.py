"""Numbers by settings: `[[sms]]` as the adapter takes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from channels.sms.settings import LIMITS, Prices, SmsSettings
from gateway.settings_sms import Number, SmsPrices, bare_settings


def number_settings(number: Number, *, public_url: str | None, trusted_proxies: Sequence[str] = ()) -> SmsSettings:
    """Raises OSError for a file of a secret that has gone."""
    return replace(
        bare_settings(number),
        public_url=number.callback_url or public_url or "",
        trusted_proxies=tuple(trusted_proxies),
        timeout=number.timeout,
        segment_limit=number.max_segments,
        transliterate=number.transliterate,
        body_limit=number.max_body_bytes,
        replay_window=number.replay_seconds,
        forged_per_hour=number.forged_per_hour,
        prices=_prices(number.prices),
        limits=replace(LIMITS, per_second=number.segments_per_second),
    )


def _prices(prices: SmsPrices | None) -> Prices | None:
    return None if prices is None else Prices(currency=prices.currency, per_segment=dict(prices.per_segment))
