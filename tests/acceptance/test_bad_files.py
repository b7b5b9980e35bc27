"""Mistakes and malice in the files of the business: named with file and line, and the house stays up."""

from __future__ import annotations

import shutil
from pathlib import Path

import aiohttp
import pytest

from bot.playbook import PlaybookMistakes
from gateway.gateway import Gateway
from gateway.importing import Kind
from nlu.understanding import Language
from storage.contacts import Contact
from storage.orders import Order
from tests.acceptance.open_doors import HOSTILE
from tests.acceptance.tea_house import (
    CONTACTS,
    ORDERS,
    PLAYBOOK,
    TeaHouse,
    Visitor,
    bring_in,
    open_tea_house,
    settings_of,
    wording,
)


def csv_cell(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'


async def test_hostile_cells_are_imported_as_they_are_or_named_with_their_line(
    tmp_path: Path, trained_models: Path
) -> None:
    rows = [f"{csv_cell(f'H{at} {words}')},{csv_cell(words)},en,,,,,," for at, words in enumerate(HOSTILE.values())]
    contacts = CONTACTS + "".join(row + "\n" for row in rows)
    orders = ORDERS + "".join(
        f"{csv_cell(f'O{at} {words}')},K1,2026-02-25,1.00,CNY,delivered,{csv_cell(words)},1\n"
        for at, words in enumerate(HOSTILE.values())
    )
    settings = settings_of(tmp_path, trained_models)
    bad = await bring_in(settings, tmp_path, {Kind.CONTACTS: contacts, Kind.ORDERS: orders})
    house = TeaHouse(settings=settings)
    names = [row["name"] for row in house.rows(Contact)]
    products = [row["product"] for row in house.rows(Order)]
    refused = {line.partition(":")[0] for line in bad}
    assert len(names) + len(products) + len(bad) == 2 * (1 + len(HOSTILE))
    assert all(line.isdecimal() for line in refused)
    for words in (HOSTILE["sql"], HOSTILE["html"], HOSTILE["format"], HOSTILE["template"], HOSTILE["emoji"]):
        assert words in names
        assert words in products


async def test_mistakes_in_csv_files_are_named_by_line_and_good_rows_kept(tmp_path: Path, trained_models: Path) -> None:
    settings = settings_of(tmp_path, trained_models)
    contacts = CONTACTS + "K2,Ann,tlh,,,,,,\nK3,Ben,en,Mars/Olympus,,,,,\nK4,Cat,en,,not-a-mail,,,,\nK5,Dan,en,,,,,,\n"
    orders = (
        ORDERS + "SL1,K1,someday,1,CNY,new,x,1\nSL2,K1,2026-01-01,much,CNY,new,x,1\nSL3,K1,2026-01-01,1,CNY,new,x,-1\n"
    )
    bad = await bring_in(settings, tmp_path, {Kind.CONTACTS: contacts, Kind.ORDERS: orders})
    assert [line.partition(":")[0] for line in bad] == ["3", "4", "5", "3", "4", "5"]
    house = TeaHouse(settings=settings)
    assert {row["external_id"] for row in house.rows(Contact)} >= {"K1", "K5"}
    assert {row["order_id"] for row in house.rows(Order)} == {"SL20260012"}


async def test_a_playbook_with_mistakes_does_not_start_a_house_and_does_not_stop_one(
    tmp_path: Path, trained_models: Path
) -> None:
    folder = Path(shutil.copytree(PLAYBOOK, tmp_path / "playbook"))
    policy, texts = folder / "policy.yml", folder / "texts" / "en.yml"
    good = policy.read_text("utf-8"), texts.read_text("utf-8")
    async with open_tea_house(tmp_path, trained_models, playbook=folder) as house, aiohttp.ClientSession() as http:
        visitor = await Visitor(house, http).visit()
        policy.write_text(good[0].replace("sure: 0.55", "sure: {{7*7}}"), "utf-8")
        texts.write_text(good[1].replace("{business}", "{0.__class__}", 1), "utf-8")
        await house.gateway.playbooks.look_again()
        assert wording("small.hello", Language.EN).search(await visitor.ask("Hello")), "the old one holds"
        with pytest.raises(PlaybookMistakes) as caught:
            await Gateway(house.settings).start()
        told = str(caught.value)
        assert f"policy.yml:{line_of(good[0], 'sure: 0.55')}" in told
        assert f"en.yml:{line_of(good[1], 'hello:')}" in told
        policy.write_bytes(b"\xff\xfe\0")
        texts.write_text("small: [", "utf-8")
        await house.gateway.playbooks.look_again()
        assert wording("small.thanks", Language.EN).search(await visitor.ask("thanks"))
        policy.write_text(good[0], "utf-8")
        texts.write_text(good[1].replace("You're very welcome", "With pleasure"), "utf-8")
        await house.gateway.playbooks.look_again()
        assert house.gateway.playbooks.mistakes is None


def line_of(content: str, words: str) -> int:
    return content[: content.index(words)].count("\n") + 1
