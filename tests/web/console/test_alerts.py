"""Alerts in the console: the bell, what it leads to, and that each reads and sets only their own."""

from __future__ import annotations

import pytest

from desk import alerts
from storage.alerts import Alert, AlertHabits, AlertKind
from tests.web.console.people import Console


async def tell(console: Console, name: str, subject: str = "conversation:7") -> None:
    await console.house.do(
        alerts.raise_alert, kind=AlertKind.MENTIONED, subject=subject, staff=name, who="<script>alert(1)</script>"
    )


async def test_the_bell_counts_and_leads_to_what_it_rang_for(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    assert "none unread" in (await ben.get("/console/alerts/bell")).html
    await tell(console, "Ben")
    bell = await ben.get("/console/alerts/bell")
    assert "Alerts, 1 unread" in bell.html
    assert "data-alert" in bell.html
    assert "<script>alert" not in bell.html + (await ben.get("/console/alerts")).html
    followed = await ben.get("/console/alerts/1")
    assert (followed.status, followed.where) == (303, "/console/conversations/7")
    assert "none unread" in (await ben.get("/console/alerts/bell")).html


async def test_nobody_follows_or_reads_what_was_told_to_others(console: Console) -> None:
    await console.staff("Ben", "agent")
    eve = await console.staff("Eve", "agent")
    await tell(console, "Ben")
    assert (await eve.get("/console/alerts/1")).status == 404
    await eve.post("/console/alerts/read", {"through": "99"})
    assert console.house.rows(Alert)[0]["read_at"] is None


async def test_each_chooses_ways_and_hours(console: Console) -> None:
    ben = await console.staff("Ben", "agent", language="zh-Hans")
    page = await ben.get("/console/account/alerts")
    assert "同事提到我" in page.words
    assert "渠道中断" not in page.words, "that is told to supervisors and admins"
    assert (await ben.post("/console/account/alerts", {"mentioned": "telegram"})).status == 200
    assert (await ben.post("/console/account/alerts", {"mentioned": "pigeon"})).status == 422
    hours = {"quiet": "1", "begins": "09:00", "ends": "18:00", "time_zone": "Asia/Taipei", "days": "0"}
    assert (await ben.post("/console/account/alerts/hours", hours)).status == 200
    assert (await ben.post("/console/account/alerts/hours", hours | {"ends": "09:00"})).status == 422
    assert [row["time_zone"] for row in console.house.rows(AlertHabits)] == ["Asia/Taipei"]
    assert (await ben.post("/console/account/alerts/telegram")).status == 409, "this house has no bot"


@pytest.mark.parametrize("subject", ["case:C-1", "channel:support", "knowledge:3", "unheard of"])
async def test_every_subject_leads_somewhere_in_the_console(console: Console, subject: str) -> None:
    ben = await console.staff("Ben", "agent")
    await tell(console, "Ben", subject)
    assert (await ben.get("/console/alerts/1")).where.startswith("/console/")
