"""Reports as pages: whoever may sees figures with their definitions, plots with a table behind, and a harmless file."""

from __future__ import annotations

import csv
import io

import pytest

from desk.reports import measuring
from desk.reports.figures import FIGURES
from storage.audit import AuditEntry
from storage.commits import Transaction
from tests.desk import reckoning
from tests.web.console.people import Console
from web.console.plots import Point, bars, lines
from web.console.reports import harmless


async def some_talks(console: Console, channel: str = "mail") -> None:
    begin = console.house.clock.now()
    talk = reckoning.Talk(
        channel=channel,
        agent="Ben",
        opened=0,
        handed=5,
        back=False,
        said=[(0, "customer"), (1, "bot"), (20, "Ben")],
        ended=None,
        case=("complaint", 2, True, None, False),
        deadline=None,
    )
    talk.opened_at = begin

    def build(transaction: Transaction) -> None:
        measuring.measure(transaction, reckoning.build(transaction.connection, [talk]))

    await console.house.do(build)
    console.house.clock.advance(3600)


async def test_a_supervisor_sees_every_figure_with_what_it_means(console: Console) -> None:
    await some_talks(console)
    sue = await console.staff("Sue", "supervisor")
    page = await sue.get("/console/reports")
    assert page.status == 200
    for figure in FIGURES:
        assert figure.name["en"] in page.words
        assert figure.means["en"] in page.words
    assert "15 min" in page.words, "from the hand-off to Ben's answer"
    assert "style=" not in page.html, "the page runs under a strict policy"
    detail = await sue.get("/console/reports/first_response?days=7")
    assert '<svg class="plot"' in detail.html
    assert "By agent" in detail.words
    assert "fewer than 20" in detail.words


@pytest.mark.parametrize(("language", "words"), [("zh-Hans", "人工首次响应时间"), ("zh-Hant", "真人首次回應時間")])
async def test_the_figures_speak_chinese(console: Console, language: str, words: str) -> None:
    sue = await console.staff("Sue", "supervisor", language=language)
    for path in ("/console/reports", "/console/reports/first_response"):
        page = await sue.get(path)
        assert words in page.words
        assert "no data" not in page.words


async def test_an_agent_sees_their_own_figures_and_nobody_elses(console: Console) -> None:
    await some_talks(console)
    ben, eve = await console.staff("Ben", "agent"), await console.staff("Eve", "agent")
    assert "15 min" in (await ben.get("/console/reports")).words
    assert "15 min" not in (await eve.get("/console/reports?agent=Ben")).words, "asked for Ben's, she sees her own"
    detail = await eve.get("/console/reports/first_response?agent=Ben")
    assert "By agent" not in detail.words
    assert "Ben" not in (await eve.get("/console/reports.csv?agent=Ben")).html


async def test_a_marketer_sees_volumes_and_satisfaction(console: Console) -> None:
    await some_talks(console)
    mia = await console.staff("Mia", "marketer")
    words = (await mia.get("/console/reports")).words
    assert "Conversations" in words
    assert "First response" not in words
    assert (await mia.get("/console/reports/first_response")).status == 403
    assert (await mia.get("/console/reports?agent=Ben")).status == 403


async def test_the_file_is_taken_away_with_a_line_in_the_audit_log(console: Console) -> None:
    await some_talks(console, channel="=HYPERLINK(1)")
    sue = await console.staff("Sue", "supervisor")
    taken = await sue.client.get("/console/reports/conversations.csv?days=7")
    body = await taken.read()
    assert body.startswith(b"\xef\xbb\xbf")
    assert taken.headers["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.reader(io.StringIO(body.decode("utf-8-sig"))))
    assert rows[0][:3] == ["Figure", "By", "Of"]
    assert ["Conversations", "By channel", "'=HYPERLINK(1)"] in [row[:3] for row in rows]
    assert [row["action"] for row in console.house.rows(AuditEntry)][-1] == "report.exported"
    assert (await sue.get("/console/reports.csv")).status == 200


async def test_what_is_asked_wrongly_is_refused_in_words(console: Console) -> None:
    sue = await console.staff("Sue", "supervisor")
    assert (await sue.get("/console/reports?from=2026-03-30")).status == 422
    assert (await sue.get("/console/reports?from=2001-01-01")).status == 422
    assert (await sue.get("/console/reports/luck")).status == 404
    nonsense = "/console/reports?days=x&from=y&until=2026-13-45&grain=eon&team=" + "9" * 40
    assert (await sue.get(nonsense)).status == 200
    reflected = await sue.get("/console/reports?channel=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")
    assert "<script>alert" not in reflected.html


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", "＠SUM(A1)"])
def test_no_cell_is_taken_for_a_formula(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"


def test_a_number_stays_a_number() -> None:
    assert harmless("-1.5") == "-1.5"
    assert harmless("12") == "12"


def test_a_plot_of_nothing_and_of_hostile_words_is_a_plot() -> None:
    for draw in (bars, lines):
        assert "NaN" not in draw([], title="", tick=str)
        assert "NaN" not in draw([Point(label="a", value=None), Point(label="b", value=0)], title="", tick=str)
        drawn = draw([Point(label="<b>", value=1, tells="<script>")], title='"><script>', tick=lambda _: "<i>")
        assert "<script>" not in drawn
        assert "<b>" not in drawn
