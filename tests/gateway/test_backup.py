"""The drill: a backup under load, brought back into an empty place, with everything in it that was acknowledged."""

from __future__ import annotations

import asyncio
import gzip
import os
import tarfile
from collections.abc import AsyncGenerator, Generator
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import aiohttp
import pytest

from gateway import archive as archives
from gateway.archive import BackupFailed, Leaflet
from gateway.backup import backup, restore
from gateway.settings import Settings
from nlu.understanding import Language
from storage.interactions import Direction, Interaction
from tests.acceptance.tea_house import TeaHouse, Visitor, open_tea_house, settings_of, wording
from tests.channels.test_webchat_files import PNG
from tests.postgres import PostgresServer
from tests.waiting import until

NOW = datetime(2026, 3, 2, tzinfo=UTC)
FAST = {"visitor_per_second": 1e6, "visitor_burst": 10**6, "client_per_second": 1e8, "client_burst": 10**8}


@pytest.fixture
async def house(tmp_path: Path, trained_models: Path, database_url: str) -> AsyncGenerator[TeaHouse]:
    async with open_tea_house(tmp_path, trained_models, database={"url": database_url}, webchat=FAST) as house:
        yield house


@pytest.fixture
def empty_place(
    tmp_path: Path, trained_models: Path, house: TeaHouse, request: pytest.FixtureRequest
) -> Generator[Settings]:
    """Settings of another machine, with a database of the same kind that has nothing in it."""
    folder = tmp_path / "another machine"
    if house.settings.embedded:
        yield settings_of(folder, trained_models, webchat=FAST)
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = server.create_database()
    yield settings_of(folder, trained_models, webchat=FAST, database={"url": server.url(name)})
    server.drop_database(name)


class Load:
    """Visitors who write without a pause."""

    def __init__(self, house: TeaHouse, http: aiohttp.ClientSession) -> None:
        self.house, self.http = house, http
        self.acknowledged: dict[int, str] = {}
        self.visitors: list[Visitor] = []

    async def write(self, number: int) -> None:
        visitor = await Visitor(self.house, self.http).visit()
        self.visitors.append(visitor)
        for count in range(10_000):
            words = f"visitor {number} says hello {count}"
            status, answers = await visitor.send({"type": "message", "id": f"m{count}", "text": words})
            if status == 200:
                self.acknowledged[answers[0]["position"]] = words
            await visitor.replies()  # they read before they write again


async def send_picture(visitor: Visitor, content: bytes) -> str:
    url, headers = f"{visitor.house.url}/webchat/upload?name=cup.png", visitor.headers
    async with visitor.http.post(url, data=content, headers=headers) as response:
        upload = await response.json()
    await visitor.send({"type": "message", "id": "picture", "text": "see", "attachments": [upload["id"]]})
    return sha256(content).hexdigest()


async def test_what_was_acknowledged_before_a_backup_under_load_is_there_after_it_is_restored(
    house: TeaHouse, empty_place: Settings, tmp_path: Path
) -> None:
    archive = tmp_path / "rapport.tar.gz"
    async with aiohttp.ClientSession() as http:
        load = Load(house, http)
        picture = await send_picture(await Visitor(house, http).visit(), PNG)
        writing = [asyncio.create_task(load.write(number)) for number in range(4)]
        await until(lambda: len(load.acknowledged) >= 40)
        before = dict(load.acknowledged)
        leaflet = await asyncio.to_thread(backup, house.settings, archive, now=NOW)
        during = len(load.acknowledged) - len(before)
        for task in writing:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*writing)
        assert during > 0, "nothing was written while the backup was made"
        assert leaflet.kind == ("sqlite" if house.settings.embedded else "postgresql")
        assert leaflet.interactions >= len(before)
        assert archive.stat().st_mode & 0o077 == 0, "it holds what customers wrote"

        await asyncio.to_thread(restore, empty_place, archive)
        other = TeaHouse(settings=empty_place, clock=house.clock)
        await other.open()
        try:
            kept = {row["id"]: row["text"] for row in other.rows(Interaction) if row["direction"] is Direction.IN}
            assert {identity: kept.get(identity) for identity in before} == before
            blob = await other.gateway.blobs.find(picture)
            assert blob is not None
            assert blob.path.read_bytes() == PNG
            assert blob.path.is_relative_to(empty_place.data_dir)
            known = load.visitors[0]
            again = Visitor(other, http, token=known.token, address=known.address)
            assert await again.replies(), "the visitor's own token opens the visitor's own history"
            somebody = await Visitor(other, http).visit()
            assert wording("small.hello", Language.EN).search(await somebody.ask("Hello"))
        finally:
            await other.close()


async def test_a_restore_overwrites_nothing(house: TeaHouse, tmp_path: Path) -> None:
    archive = tmp_path / "rapport.tar.gz"
    await asyncio.to_thread(backup, house.settings, archive, now=NOW)
    before = house.rows(Interaction)
    with pytest.raises(BackupFailed, match=r"exists: move it away|tables: restore into an empty one"):
        await asyncio.to_thread(restore, house.settings, archive)
    assert house.rows(Interaction) == before


async def test_a_damaged_archive_is_refused_and_leaves_the_place_empty(
    house: TeaHouse, empty_place: Settings, tmp_path: Path
) -> None:
    archive = tmp_path / "rapport.tar.gz"
    async with aiohttp.ClientSession() as http:
        await send_picture(await Visitor(house, http).visit(), PNG)
    await asyncio.to_thread(backup, house.settings, archive, now=NOW)
    whole = archive.read_bytes()
    plain = gzip.decompress(whole)
    with tarfile.open(archive) as opened:
        copy = opened.getmembers()[1]
    inside = copy.offset_data + copy.size // 2
    spoiled = {
        "half": whole[: len(whole) // 2],
        "one bit of the database altered": gzip.compress(
            plain[:inside] + bytes([plain[inside] ^ 1]) + plain[inside + 1 :]
        ),
        "an attachment taken out": gzip.compress(plain[: plain.index(b"blobs/")] + bytes(1024)),
        "no archive": b"hello",
        "empty": b"",
        "an attachment altered": gzip.compress(plain.replace(PNG, PNG[:-1] + b"\0")),
    }
    for name, content in spoiled.items():
        archive.write_bytes(content)
        with pytest.raises(BackupFailed):
            await asyncio.to_thread(restore, empty_place, archive)
        assert {path.name for path in empty_place.data_dir.iterdir()} == {"models"}, name
    archive.write_bytes(whole)
    assert (await asyncio.to_thread(restore, empty_place, archive)).blobs == 1


def test_an_archive_goes_back_only_to_the_kind_of_database_it_came_from(tmp_path: Path, trained_models: Path) -> None:
    archive, dump = tmp_path / "rapport.tar.gz", tmp_path / "dump"
    dump.write_bytes(b"PGDMP")
    leaflet = Leaflet(
        made_at="",
        kind="postgresql",
        revision="",
        database=sha256(b"PGDMP").hexdigest(),
        contacts=0,
        interactions=0,
        blobs=0,
    )
    archives.write(archive, leaflet, dump, [])
    with pytest.raises(BackupFailed, match="this backup is of postgresql, and the settings name sqlite"):
        restore(settings_of(tmp_path / "other", trained_models), archive)


async def test_an_archive_that_would_write_elsewhere_is_refused(empty_place: Settings, tmp_path: Path) -> None:
    archive, outside = tmp_path / "evil.tar.gz", tmp_path / "outside"
    with tarfile.open(archive, "w:gz") as tar:
        outside.write_text("x")
        tar.add(outside, "../../outside-again")
    with pytest.raises(BackupFailed):
        await asyncio.to_thread(restore, empty_place, archive)
    assert not list(tmp_path.rglob("outside-again"))


async def test_a_backup_that_fails_leaves_no_file_behind(tmp_path: Path, trained_models: Path) -> None:
    settings = settings_of(tmp_path, trained_models)
    with pytest.raises(BackupFailed, match="there is no database"):
        backup(settings, tmp_path / "rapport.tar.gz", now=NOW)
    assert not list(tmp_path.glob("*rapport*"))


async def test_a_backup_that_the_disk_spoils_is_not_kept_under_its_name(
    house: TeaHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that says that all is written, and has lost the end of it."""
    archive = tmp_path / "backups" / "rapport.tar.gz"

    def forgetful(_descriptor: int) -> None:
        for partial in archive.parent.glob(".rapport.tar.gz.*"):
            os.truncate(partial, partial.stat().st_size * 3 // 4)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", forgetful)
        with pytest.raises(BackupFailed, match=r"not a whole backup|is damaged"):
            backup(house.settings, archive, now=NOW)
    assert not list(archive.parent.iterdir())


async def test_an_attachment_that_the_disk_lost_is_told_and_holds_no_backup_up(
    house: TeaHouse, empty_place: Settings, tmp_path: Path
) -> None:
    archive = tmp_path / "rapport.tar.gz"
    async with aiohttp.ClientSession() as http:
        visitor = await Visitor(house, http).visit()
        rotten, kept = await send_picture(visitor, PNG), await send_picture(visitor, PNG + b"again")
    path = house.gateway.blobs.path(rotten)
    path.write_bytes(PNG[:-1])
    leaflet = await asyncio.to_thread(backup, house.settings, archive, now=NOW)
    assert (leaflet.blobs, leaflet.lost) == (1, 1)
    await asyncio.to_thread(restore, empty_place, archive)
    assert [blob.name for blob in (empty_place.data_dir / "blobs").glob("*/*")] == [kept]


async def test_attachments_are_in_their_place_before_the_database_that_speaks_of_them(
    house: TeaHouse, empty_place: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The restoring machine loses its power as the last thing, the database, is about to be put down."""
    archive = tmp_path / "rapport.tar.gz"
    async with aiohttp.ClientSession() as http:
        picture = await send_picture(await Visitor(house, http).visit(), PNG)
    await asyncio.to_thread(backup, house.settings, archive, now=NOW)

    def power_cut(*_arguments: object) -> None:
        raise OSError("the power is gone")

    step = "_place_sqlite" if empty_place.embedded else "_load_postgres"
    with monkeypatch.context() as patch:
        patch.setattr(f"gateway.backup.{step}", power_cut)
        with pytest.raises(OSError, match="power"):
            await asyncio.to_thread(restore, empty_place, archive)
    assert (empty_place.data_dir / "blobs" / picture[:2] / picture).read_bytes() == PNG
    assert (await asyncio.to_thread(restore, empty_place, archive)).blobs == 1, "and it can be done again"


def test_a_journal_left_behind_is_not_played_into_the_restored_database(tmp_path: Path, trained_models: Path) -> None:
    settings = settings_of(tmp_path, trained_models)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    (settings.data_dir / "rapport.sqlite3-wal").write_bytes(b"left by a process that was killed")
    archive = tmp_path / "rapport.tar.gz"
    archive.touch()
    with pytest.raises(BackupFailed, match=r"rapport.sqlite3-wal exists: move it away"):
        restore(settings, archive)


def test_a_database_that_does_not_answer_is_said_so_without_its_password(tmp_path: Path, trained_models: Path) -> None:
    away = {"url": "postgresql+psycopg://rapport:geheim@127.0.0.1:1/rapport"}
    settings = settings_of(tmp_path, trained_models, database=away)
    with pytest.raises(BackupFailed, match=r"rapport:\*\*\*@127.0.0.1:1/rapport does not answer") as failed:
        backup(settings, tmp_path / "rapport.tar.gz", now=NOW)
    assert "geheim" not in str(failed.value)
