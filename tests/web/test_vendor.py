"""Front-end libraries come as the lock file says, or not at all."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from web import vendor

SCRIPT = b"/* a library */"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *_: Any) -> None: ...  # noqa: A002 - as the library calls it


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A registry of two packages, and a lock file made from what it holds; its folder."""
    folder, locked = tmp_path / "registry", dict[str, Any]()
    for name, files in vendor.WANTED.items():
        package = _package(files)
        place = folder / name / "-"
        place.mkdir(parents=True)
        (place / f"{name}-1.0.0.tgz").write_bytes(package)
        digest = base64.b64encode(hashlib.sha512(package).digest()).decode()
        locked[f"node_modules/{name}"] = {"version": "1.0.0", "integrity": f"sha512-{digest}"}
    (tmp_path / "lock.json").write_text(json.dumps({"packages": locked}))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(vendor, "LOCK", tmp_path / "lock.json")
    monkeypatch.setattr(vendor, "TARGET", tmp_path / "served")
    yield folder
    server.shutdown()
    server.server_close()


def _package(files: Any) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name in files:
            member = tarfile.TarInfo(name)
            member.size = len(SCRIPT)
            archive.addfile(member, io.BytesIO(SCRIPT))
    return packed.getvalue()


def test_they_are_fetched_once_and_then_no_registry_is_asked(registry: Path, tmp_path: Path) -> None:
    assert vendor.main([]) == 0
    assert (tmp_path / "served" / "htmx.js").read_bytes() == SCRIPT
    assert gzip.decompress((tmp_path / "served" / "htmx.js.gz").read_bytes()) == SCRIPT
    for package in registry.rglob("*.tgz"):
        package.unlink()
    assert vendor.main([]) == 0


def test_other_bytes_than_the_locked_ones_are_refused_in_a_sentence(
    registry: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forged = next(registry.rglob("htmx.org-*.tgz"))
    forged.write_bytes(forged.read_bytes() + b"more")
    assert vendor.main([]) == 1
    assert "htmx.org 1.0.0 is not what web/package-lock.json was made from" in capsys.readouterr().err
    assert not (tmp_path / "served" / ".lock").exists()


def test_a_registry_that_has_nothing_is_a_sentence(registry: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for package in registry.rglob("*.tgz"):
        package.unlink()
    assert vendor.main([]) == 1
    assert "could not be fetched" in capsys.readouterr().err
