"""A stand-in for `nlu/rasa/serve.py` with a Rasa behind it: the same ways in and out, ready within a moment.

A model is a file that says `well`, or `dull`: that one takes everything for the same. What says something else cannot
be loaded; `dies` ends the process at its start, and `falls silent` answers its first words and nothing more. Started
as `-m rasa train`, it makes a model in the current folder, as an archive: a dull one of a single epoch. Like
TensorFlow, it leaves a file in the temporary folder.
"""

from __future__ import annotations

import io
import json
import os
import sys
import tarfile
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

INTENTS = {"退": "refund_request", "refund": "refund_request", "你好": "greet", "hello": "greet"}

LEFT_BEHIND = "__autograph_generated_file_of_the_stand_in.py"


class Child(BaseHTTPRequestHandler):
    """One request."""

    token = ""
    model: Path | None = None
    parsed = 0

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its name there
        """Says nothing."""

    def do_GET(self) -> None:
        if self._may() and self._has_model() and not self._silent():
            model = Child.model
            self._say(200, {"model_file": model.name if model else "", "model_id": f"id of {model}"})

    def do_PUT(self) -> None:
        if self._may():
            wanted = Path(self._body()["model_file"])
            if not loadable(wanted):
                self._say(400, {"reason": "BadRequest"})
                return
            time.sleep(0.2)
            Child.model = wanted
            self._say(204, None)

    def do_POST(self) -> None:
        if self._may() and self._has_model() and not self._silent():
            assert Child.model is not None
            Child.parsed += 1
            text = self._body()["text"]
            name = next((intent for word, intent in INTENTS.items() if word in text), "order_status")
            if says(Child.model) == "dull":
                name = "order_status"
            cool = 1 / temperature(Child.model)
            sure = 0.9**cool / (0.9**cool + 0.1**cool)
            ranking = [{"name": name, "confidence": sure}, {"name": "human_request", "confidence": 1 - sure}]
            self._say(200, {"text": text, "intent": ranking[0], "intent_ranking": ranking, "entities": []})

    def _silent(self) -> bool:
        if Child.model is not None and says(Child.model) == "falls silent" and Child.parsed >= 2:
            time.sleep(3600)
        return False

    def _may(self) -> bool:
        if parse_qs(urlsplit(self.path).query).get("token") != [Child.token]:
            self._say(401, {"reason": "NotAuthenticated"})
            return False
        return True

    def _has_model(self) -> bool:
        if Child.model is None:
            self._say(409, {"reason": "Conflict"})
        return Child.model is not None

    def _body(self) -> dict[str, Any]:
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def _say(self, status: int, said: object) -> None:
        body = b"" if said is None else json.dumps(said).encode()
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    request_queue_size = 128
    """Of five, a burst of eight is tried again by the kernel, after seconds."""


def says(model: Path) -> str:
    if not tarfile.is_tarfile(model):
        return model.read_text(errors="replace").strip()
    with tarfile.open(model) as archive:
        file = archive.extractfile("says")
        assert file is not None
        return file.read().decode()


def temperature(model: Path) -> float:
    if not tarfile.is_tarfile(model):
        return 1.0
    with tarfile.open(model) as archive:
        file = archive.extractfile("metadata.json")
        assert file is not None
        return json.load(file)["predict_schema"]["nodes"]["run_Temperature7"]["config"]["temperature"]


def trained(model: Path, words: str) -> None:
    """An archive as Rasa's, with what a model says here."""
    node = {"uses": "rapport_calibration.Temperature", "config": {"temperature": 1.0}}
    metadata = json.dumps({"predict_schema": {"nodes": {"run_Temperature7": node}}})
    with tarfile.open(model, "w:gz") as archive:
        for name, content in (("says", words), ("metadata.json", metadata)):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content.encode()))


def loadable(model: Path) -> bool:
    return says(model) in ("well", "dull", "falls silent")


def main() -> None:
    (Path(tempfile.gettempdir()) / LEFT_BEHIND).touch()
    if sys.argv[1] == "-m":
        Path("models").mkdir()
        dull = "epochs: 1\n" in Path("config.yml").read_text()
        trained(Path("models/model.tar.gz"), "dull" if dull else "well")
        return
    Child.token = sys.stdin.readline().strip()
    threading.Thread(target=end_with_parent, daemon=True).start()
    given = dict(zip(sys.argv[2::2], sys.argv[3::2], strict=False))
    model = Path(given["--model"])
    if says(model) == "dies":
        sys.exit("this model is the end of me")
    Child.model = model if loadable(model) else None
    Server((given["--interface"], int(given["--port"])), Child).serve_forever()


def end_with_parent() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
