"""The playbook in force decides how a customer's words are read."""

from __future__ import annotations

from pathlib import Path
from shutil import copytree

import pytest

from gateway.playbooks import Playbooks

OURS = Path(__file__).parents[2] / "playbook"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copytree(OURS, tmp_path / "playbook")


def _in(folder: Path, region: str) -> Playbooks:
    policy = folder / "policy.yml"
    policy.write_text(policy.read_text("utf-8").replace("region: CN", f"region: {region}"), "utf-8")
    return Playbooks(folder)


@pytest.mark.parametrize(("region", "day"), [("CN", "2019-03-09"), ("US", "2019-09-03")])
def test_the_businesss_region_says_whether_the_month_comes_first(folder: Path, region: str, day: str) -> None:
    (entity,) = _in(folder, region).find("bought on 9/3/2019")
    assert entity.value == day


@pytest.mark.parametrize(("region", "phone"), [("US", "+12025550123"), ("GB", "+442079460123")])
def test_and_where_a_number_without_a_plus_is_from(folder: Path, region: str, phone: str) -> None:
    written = {"US": "(202) 555-0123", "GB": "020 7946 0123"}[region]
    assert [entity.value for entity in _in(folder, region).find(f"call me: {written}")] == [phone]
