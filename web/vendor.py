"""Front-end libraries: fetched from the npm registry as web/package-lock.json says, without Node.

`python -m web.vendor` puts them where the console serves them from, with `--development` also what its tests look at
pages with; it runs on a bare Python, before anything is installed. A package whose bytes are not those of the lock
file is refused (Subresource Integrity, W3C).
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import os
import sys
import tarfile
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

HERE = Path(__file__).parent
LOCK = HERE / "package-lock.json"
TARGET = HERE / "console" / "static" / "vendor"
TOOLS = HERE.parent / ".tools" / "vendor"
REGISTRY = "https://registry.npmjs.org"
WANTED: Mapping[str, Mapping[str, str]] = {
    "htmx.org": {"package/dist/htmx.min.js": "htmx.js"},
    "htmx-ext-sse": {"package/dist/sse.min.js": "htmx-sse.js"},
    "idiomorph": {"package/dist/idiomorph-ext.min.js": "idiomorph.js"},
}
"""Of each package, the files that we serve, and what they are called there."""
OF_TESTS: Mapping[str, Mapping[str, str]] = {"axe-core": {"package/axe.min.js": "axe.js"}}
SECONDS = 60


class Forged(Exception):
    """What the registry sent is not what the lock file was made from."""


def main(arguments: Sequence[str]) -> int:
    """Fetch what is missing. A second run fetches nothing."""
    wanted = [(TARGET, WANTED)] + ([(TOOLS, OF_TESTS)] if "--development" in arguments else [])
    try:
        for target, packages in wanted:
            _bring(target, packages)
    except (OSError, Forged) as problem:
        sys.stderr.write(f"The front-end libraries could not be fetched: {problem}\n")
        return 1
    return 0


def _bring(target: Path, packages: Mapping[str, Mapping[str, str]]) -> None:
    lock = LOCK.read_bytes()
    stamp, made_from = target / ".lock", f"{hashlib.sha256(lock).hexdigest()} gz"
    if stamp.is_file() and stamp.read_text() == made_from:
        return
    target.mkdir(parents=True, exist_ok=True)
    for name, files in packages.items():
        locked = json.loads(lock)["packages"][f"node_modules/{name}"]
        package = _fetch(name, locked["version"])
        _check(package, locked["integrity"], f"{name} {locked['version']}")
        with tarfile.open(fileobj=io.BytesIO(package)) as archive:
            for inside, outside in files.items():
                member = archive.extractfile(inside)
                assert member is not None, f"{name} holds no {inside}"
                content = member.read()
                (target / outside).write_bytes(content)
                # Served in its place to every browser: a third of the bytes.
                (target / f"{outside}.gz").write_bytes(gzip.compress(content, mtime=0))
    stamp.write_text(made_from)


def _fetch(name: str, version: str) -> bytes:
    registry = os.environ.get("NPM_CONFIG_REGISTRY", REGISTRY).rstrip("/")
    address = f"{registry}/{name}/-/{name.rpartition('/')[2]}-{version}.tgz"
    with urllib.request.urlopen(address, timeout=SECONDS) as answer:  # noqa: S310 - an address of ours
        return answer.read()


def _check(package: bytes, integrity: str, what: str) -> None:
    """Raises Forged."""
    algorithm, _, wanted = integrity.partition("-")
    if algorithm != "sha512" or base64.b64encode(hashlib.sha512(package).digest()).decode() != wanted:
        raise Forged(f"{what} is not what web/package-lock.json was made from")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
