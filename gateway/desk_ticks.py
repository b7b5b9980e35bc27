"""The desk's own clock: what is done for agents when its time has come, whoever is at work."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bot.playbook import Playbook
from desk import alerts, channel_health, deadlines, logins, own_data, presence, programs, promises, routing, telling
from desk.reports import measuring
from storage.commits import Transaction

EVERY: Mapping[Callable[[Transaction], object], int] = {
    alerts.forget_old: 3600,
    channel_health.look_at_channels: 60,
    own_data.finish_erasures: 2,
    deadlines.note_breaches: 5,
    deadlines.notice_owners: 5,
    logins.forget_old: 600,
    measuring.follow: 1,
    measuring.close: 20,
    measuring.go_round: 60,
    programs.forget_answers: 3600,
    telling.forget_told: 60,
}
"""Verbs by the seconds between two runs. Each is short (20 ms), claims its rows, and may run in any process."""

BY_THE_BOOK: Mapping[Callable[[Transaction, Playbook], object], int] = {
    deadlines.look_again: 1,
    presence.look_around: 5,
    promises.watch: 10,
    routing.distribute: 1,
    routing.look_for_late: 1,
}
"""Likewise, for what needs the business's rules or opening hours: the playbook in force is handed to them."""
