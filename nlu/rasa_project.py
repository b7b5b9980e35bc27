"""The Rasa project in `nlu/rasa/`: its environment, and training with it.

Rasa 3.6 needs Python 3.10 and libraries that cannot live beside ours, so that all of it runs in child processes, which
see nothing of our settings and secrets. Source: rasa.com/docs/rasa/command-line-interface.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import yaml

from nlu import training
from nlu.embedded import TrainingFailed
from nlu.scratch import scratch

PROJECT = Path(__file__).resolve().parent / "rasa"
DATA = PROJECT / "data"
_HOUSE = PROJECT.parent.parent
_MADE = ".rapport"
"""In the environment: what it was made from. Written last."""
SECONDS_TO_TRAIN = 7200.0
FEWEST_EPOCHS, MOST_EPOCHS = 8, 100
EXAMPLES_SEEN = 100_000
"""Examples times epochs that are enough for DIET: it knows nine of ten examples after three passes over 10,000. One
example costs it some 20 ms each time on one core, so that a large set takes half an hour; 250,000 took over an hour."""
COMPONENTS = ("rapport_tokenizer.py", "simplified.txt", "rapport_calibration.py")
"""Of config.yml, which are our own. They lie where Rasa is started."""
NOT_UNDERSTOOD = ("nlu_fallback", "out_of_scope")


class RasaMissing(Exception):
    """Rasa's environment is not there, or is not today's; the message says which command makes it."""


class InstallationFailed(Exception):
    """Rasa's environment could not be made."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """Python 3.10 with Rasa."""

    python: Path

    def command(self, *arguments: str) -> list[str]:
        """`rasa …`, to be started with `surroundings(…)`."""
        return [str(self.python), "-m", "rasa", *arguments]

    def surroundings(self, temporary: Path) -> dict[str, str]:
        """The environment variables of a Rasa process: those of the machine, none of ours, and no telemetry.

        `temporary`: a folder for the files that it may leave behind.
        """
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("RAPPORT_", "PYTHON")) and name != "VIRTUAL_ENV"
        }
        return kept | {
            "CUDA_VISIBLE_DEVICES": "-1",
            "MPLBACKEND": "Agg",
            "PYTHONUNBUFFERED": "1",
            "PYTHONUTF8": "1",
            "PYTHONWARNINGS": "ignore",
            "RASA_TELEMETRY_ENABLED": "false",
            "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "TMPDIR": str(temporary.resolve()),
        }


def find_environment() -> Environment:
    """The environment that `make rasa` made. Takes microseconds. Raises RasaMissing."""
    folder = PROJECT / ".venv"
    try:
        made = (folder / _MADE).read_text()
    except OSError:
        raise RasaMissing("Rasa is not installed: `make rasa` installs it") from None
    if made != _recipe():
        raise RasaMissing("Rasa's environment is of another version: `make rasa` brings it up to date")
    return Environment(python=folder / "bin" / "python")


def ensure_environment() -> Environment:
    """Makes the environment, exactly as `uv.lock` says, where it is not there yet; some 500 MB are fetched then.

    What happens is told on standard error. Raises InstallationFailed.
    """
    try:
        return find_environment()
    except RasaMissing:
        pass
    command = [_uv(), "sync", "--frozen", "--project", str(PROJECT), "--python", _python()]
    surroundings = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"} | {
        "UV_PROJECT_ENVIRONMENT": str(PROJECT / ".venv"),
        # Python 3.10 is old enough to be absent from many machines.
        "UV_PYTHON_DOWNLOADS": "automatic",
    }
    try:
        done = subprocess.run(command, env=surroundings, check=False)  # noqa: S603 - uv, on our own project
    except OSError as error:
        raise InstallationFailed(f"uv cannot be started ({error})") from error
    if done.returncode != 0:
        raise InstallationFailed(f"uv sync ended with {done.returncode}; what it said stands above")
    (PROJECT / ".venv" / _MADE).write_text(_recipe())
    return find_environment()


def _recipe() -> str:
    files = (PROJECT / "pyproject.toml", PROJECT / "uv.lock")
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()


def _uv() -> str:
    for found in (shutil.which("uv"), str(_HOUSE / ".tools" / "bin" / "uv")):
        if found is not None and _says([found, "--version"]).startswith("uv "):
            return found
    raise InstallationFailed("uv is not on this machine: `make environment` installs it")


def _python() -> str:
    """A Python 3.10 that works; else the version, for uv to find or fetch."""
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    for found in (shutil.which("python3.10"), *map(str, sorted(versions.glob("3.10.*/bin/python3.10"), reverse=True))):
        if found is not None and _says([found, "--version"]).startswith("Python 3.10."):
            return found
    return "3.10"


def _says(command: Sequence[str]) -> str:
    """Standard output; nothing where the program fails, as pyenv's stand-ins do."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def train(
    environment: Environment,
    examples: Sequence[training.Example],
    target: Path,
    *,
    facts: training.TrainingData | None = None,
    epochs: int | None = None,
) -> None:
    """Trains on the examples, and on what the data says of entities, and puts the model into the file `target`.

    Takes minutes. Beside the model lies `<name>.log` with what Rasa said. Raises TrainingFailed.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    log = target.with_name(f"{target.name.removesuffix('.tar.gz')}.log")
    with scratch(target.parent) as folder:
        write_project(folder, examples, facts=facts, epochs=epochs or sensible_epochs(len(examples)))
        arguments = ("--data", "data", "rules.yml", "--out", "models", "--fixed-model-name", "model")
        # Our own reader is the stricter one, and Rasa's takes its time.
        command = environment.command("train", "--skip-validation", *arguments)
        _run([*_humbly(), *command], environment, folder, log)
        made = folder / "models" / "model.tar.gz"
        if not made.exists():
            raise TrainingFailed(f"Rasa made no model: {_tail(log)}")
        halfway = target.with_name(f".{target.name}")
        shutil.copyfile(made, halfway)
        halfway.replace(target)


def sensible_epochs(examples: int) -> int:
    """Passes over the examples: the more there are, the fewer are needed."""
    return max(FEWEST_EPOCHS, min(MOST_EPOCHS, EXAMPLES_SEEN // max(examples, 1)))


def _humbly() -> list[str]:
    """Conversations on the same machine go first."""
    nice = shutil.which("nice")
    return [nice, "-n", "10"] if nice else []


def _run(command: Sequence[str], environment: Environment, folder: Path, log: Path) -> None:
    temporary = folder / "temporary"
    temporary.mkdir()
    with log.open("wb") as output:
        try:
            done = subprocess.run(  # noqa: S603 - Rasa, in the environment that we made
                command,
                cwd=folder,
                env=environment.surroundings(temporary),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=SECONDS_TO_TRAIN,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise TrainingFailed(f"Rasa's training took more than {SECONDS_TO_TRAIN:.0f} s") from error
    if done.returncode != 0:
        raise TrainingFailed(f"Rasa's training ended with {done.returncode}: {_tail(log)}")


def _tail(log: Path) -> str:
    return log.read_text(errors="replace").strip()[-2000:]


def write_project(
    folder: Path, examples: Sequence[training.Example], *, facts: training.TrainingData | None, epochs: int
) -> None:
    """A Rasa project of these examples: the pipeline of ours, and the domain and rules that their intents ask for."""
    intents = sorted({example.intent for example in examples})
    (folder / "config.yml").write_text(_with_epochs((PROJECT / "config.yml").read_text(), epochs))
    for name in ("endpoints.yml", "credentials.yml", *COMPONENTS):
        shutil.copyfile(PROJECT / name, folder / name)
    (folder / "domain.yml").write_text(domain(intents))
    (folder / "rules.yml").write_text(rules(intents))
    (folder / "data").mkdir()
    (folder / "data" / "nlu.yml").write_text(_nlu(examples, facts), encoding="utf-8")


def _with_epochs(config: str, epochs: int) -> str:
    said = cast("dict[str, list[dict[str, object]]]", yaml.safe_load(config))
    for component in said["pipeline"]:
        if component["name"] == "DIETClassifier":
            component["epochs"] = epochs
    return yaml.safe_dump(said, sort_keys=False)


def domain(intents: Sequence[str]) -> str:
    """`domain.yml` for these intents."""
    said: dict[str, object] = {
        "version": "3.1",
        # What is found in a message is for the gateway; it does not change what the rules do.
        "intents": [{intent: {"use_entities": list[str]()}} for intent in intents],
        "entities": list(training.ENTITY_KINDS),
        "responses": {
            "utter_understood": [{"text": "understood"}],
            "utter_not_understood": [{"text": "not understood"}],
        },
        "session_config": {"session_expiration_time": 60, "carry_over_slots_to_new_session": False},
    }
    return _OWN_WORDS + yaml.safe_dump(said, sort_keys=False, allow_unicode=True)


def rules(intents: Sequence[str]) -> str:
    """`rules.yml`: what the gateway would take as understood, and what not."""
    understood = [intent for intent in intents if intent not in NOT_UNDERSTOOD]
    refused = [intent for intent in NOT_UNDERSTOOD if intent in intents or intent == "nlu_fallback"]
    said = {
        "version": "3.1",
        "rules": [
            {"rule": intent, "steps": [{"intent": intent}, {"action": action}]}
            for action, group in (("utter_understood", understood), ("utter_not_understood", refused))
            for intent in group
        ],
    }
    return _OWN_WORDS + yaml.safe_dump(said, sort_keys=False, allow_unicode=True)


def simplified() -> str:
    """`simplified.txt`: traditional characters, and in the next line those that the tokenizer takes for them."""
    from nlu.learning import simplified_characters

    return "".join(f"{line}\n" for line in simplified_characters())


_OWN_WORDS = "# Made from the training data by `python -m nlu.rasa_project`; a test compares.\n"


def _nlu(examples: Sequence[training.Example], facts: training.TrainingData | None) -> str:
    """Training data in Rasa's format."""
    by_intent: dict[str, list[str]] = {}
    for example in examples:
        by_intent.setdefault(example.intent, []).append(_marked(example))
    sections = [_section("intent", intent, lines) for intent, lines in sorted(by_intent.items())]
    if facts is not None:
        for kind, lists in (("synonym", facts.synonyms), ("regex", facts.regexes), ("lookup", facts.lookups)):
            sections += [_section(kind, name, values) for name, values in lists.items()]
    return "".join(('version: "3.1"\n\nnlu:\n', *sections))


_NOT_IN_YAML = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]+")


def _section(kind: str, name: str, lines: Sequence[str]) -> str:
    examples = "".join(f"    - {line}\n" for line in lines)
    return f"- {kind}: {json.dumps(name, ensure_ascii=False)}\n  examples: |\n{examples}\n"


def _marked(example: training.Example) -> str:
    """As Rasa writes it: `refund my [Longjing](product)`."""
    return "".join(_pieces(example))


def _pieces(example: training.Example) -> Iterator[str]:
    end = 0
    for mark in sorted(example.entities, key=lambda mark: mark.start):
        words = example.text[mark.start : mark.end]
        yield _plain(example.text[end : mark.start])
        yield f"[{words}]({mark.kind})" if mark.value == words else f"[{words}]({mark.kind}:{mark.value})"
        end = mark.end
    yield _plain(example.text[end:])


def _plain(text: str) -> str:
    """One line that YAML can hold, in which nothing looks like a mark."""
    return _NOT_IN_YAML.sub(" ", text).replace("](", "] (").replace("]{", "] {")


def main() -> None:
    """Bring `domain.yml` and `rules.yml` in line with the training data, and `simplified.txt` with OpenCC."""
    intents = training.read(DATA).intents
    (PROJECT / "domain.yml").write_text(domain(intents))
    (PROJECT / "rules.yml").write_text(rules(intents))
    (PROJECT / "simplified.txt").write_text(simplified(), encoding="utf-8")


if __name__ == "__main__":
    main()
