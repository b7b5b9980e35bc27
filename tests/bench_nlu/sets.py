"""What is learnt and what is asked: the given sets, split with fixed seeds, and this project's own data.

The test parts of the public sets are not here: the figures of this bench are estimates by splitting what is given.
"""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from nlu import training
from nlu.datasets import OUT_OF_SCOPE
from nlu.training import Example
from tests.bench.generator import ROOT
from tests.given import DATA

NLU: Final = DATA / "nlu"
SEED: Final = 7
Examples = list[Example]


@dataclass(frozen=True, kw_only=True, slots=True)
class Set:
    """A set and its parts: each is learnt and asked by itself, and the answers are counted together."""

    name: str
    about: str
    """What is learnt and what is asked, for the reader."""
    parts: Sequence[tuple[Examples, Examples]]
    aims: Mapping[str, float]
    """Accuracy to be reached, by engine."""
    refusals: Mapping[str, float]
    """Out-of-scope recall to be reached, by engine."""
    in_two_languages: bool = False
    """Each message is asked in one language, then in the other."""


def banking() -> Set:
    rows = _rows("banking77/train.csv", "text", "category")
    return Set(
        name="BANKING77",
        about="three quarters of train.csv; the last quarter",
        parts=[_split(rows, 4)],
        aims={"embedded": 0.913, "semantic": 0.933},
        refusals={},
    )


def banking_few() -> Set:
    few = _rows("fewshot_splits/BANKING77/train_10.csv", "text", "intent")
    known = {_folded(example) for example in few}
    rest = [each for each in _rows("banking77/train.csv", "text", "category") if _folded(each) not in known]
    random.Random(SEED).shuffle(rest)
    return Set(
        name="BANKING77, 10 each",
        about="train_10.csv; 3,000 others of train.csv",
        parts=[(few, rest[:3000])],
        aims={"embedded": 0.75, "semantic": 0.81},
        refusals={},
    )


def banking_strange() -> Set:
    strange = [
        *_rows("banking77_oos/id_oos_valid.csv", "text", None),
        *_rows("banking77_oos/ood_oos_valid.csv", "text", None),
    ]
    asked = [*_rows("banking77_oos/valid.csv", "text", "intent"), *strange]
    return Set(
        name="BANKING77-OOS",
        about="train.csv, nothing strange in it; valid.csv with near and far misses",
        parts=[(_rows("banking77_oos/train.csv", "text", "intent"), asked)],
        aims={},
        refusals={},
    )


def clinc() -> Set:
    said = json.loads((NLU / "clinc150/data_full.dev.json").read_text("utf-8"))
    pick: Callable[[str], Examples] = lambda part: [  # noqa: E731 - one expression, used five times
        _example(text, OUT_OF_SCOPE if intent == "oos" else intent) for text, intent in said[part]
    ]
    learnt = {_folded(each) for each in pick("oos_train")}
    asked = {_folded(each) for each in pick("oos_val")}
    more = [each for each in pick("oos_train_plus_250") if _folded(each) not in learnt | asked]
    return Set(
        name="CLINC150",
        about="train and oos_train; val, oos_val and what oos_train_plus_250 holds besides",
        parts=[(pick("train") + pick("oos_train"), pick("val") + pick("oos_val") + more)],
        aims={"embedded": 0.915, "semantic": 0.945},
        refusals={"embedded": 0.68, "semantic": 0.70},
    )


def smp() -> Set:
    return Set(
        name="SMP2017 (zh)",
        about="train.csv; develop.csv",
        parts=[
            (
                _rows("zh_smp2017_ecdt_task1/train.csv", "text", "domain"),
                _rows("zh_smp2017_ecdt_task1/develop.csv", "text", "domain"),
            )
        ],
        aims={"embedded": 0.91, "semantic": 0.93},
        refusals={},
    )


def xsid() -> Set:
    """Both languages are learnt, and asked about what was learnt in neither."""
    zh, en = _conll("xsid_0.7/zh.valid.conll"), _conll("xsid_0.7/en.valid.conll")
    order = list(range(len(zh)))
    random.Random(SEED).shuffle(order)
    parts: list[tuple[Examples, Examples]] = []
    for fold in range(3):
        asked, learnt = sorted(order[fold::3]), sorted(set(order) - set(order[fold::3]))
        parts.append(([one[n] for n in learnt for one in (zh, en)], [one[n] for n in asked for one in (zh, en)]))
    return Set(
        name="xSID (zh, en)",
        about="two thirds of both languages; the others, in turns",
        parts=parts,
        aims={"embedded": 0.93, "semantic": 0.93},
        refusals={},
        in_two_languages=True,
    )


def hwu() -> Set:
    rows = _rasa_json("hwu64_xliuhw/kfold_1.train.rasa.json")
    return Set(
        name="HWU64",
        about="nine tenths of the given fold; the last tenth",
        parts=[_split(rows, 10)],
        aims={"embedded": 0.882},
        refusals={},
    )


def hwu_few() -> Set:
    return Set(
        name="HWU64, 10 each",
        about="train_10.csv; valid.csv",
        parts=[
            (
                _rows("fewshot_splits/HWU64/train_10.csv", "text", "intent"),
                _rows("fewshot_splits/HWU64/valid.csv", "text", "intent"),
            )
        ],
        aims={},
        refusals={},
    )


def dialogflow() -> Set:
    parts: list[tuple[Examples, Examples]] = []
    for name in ("support.zh-CN", "small-talk.zh-CN", "support.en", "small-talk.en"):
        parts += _folds(_rasa_json(f"dialogflow_prebuilt/{name}.rasa.json"), 3)
    return Set(
        name="Dialogflow (zh, en)",
        about="support and small talk: two thirds of each file; the others, in turns",
        parts=parts,
        aims={},
        refusals={},
    )


def shop() -> Set:
    """This project's own: the held-out messages were written by somebody who had not read the training data."""
    asked = [
        _example(row["text"], row["intent"])
        for path in sorted((ROOT / "tests" / "nlu" / "heldout").glob("test-*.csv"))
        for row in csv.DictReader(path.read_text("utf-8").splitlines())
    ]
    learnt = list(training.read(ROOT / "nlu" / "rasa" / "data").examples)
    return Set(
        name="The demo shop (zh, en)",
        about="nlu/rasa/data; tests/nlu/heldout/test-*.csv",
        parts=[(learnt, asked)],
        aims={"embedded": 0.95, "semantic": 0.95, "rasa": 0.95},
        refusals={},
    )


SETS: Final[Mapping[str, Callable[[], Set]]] = {
    "shop": shop,
    "banking": banking,
    "banking-few": banking_few,
    "banking-strange": banking_strange,
    "clinc": clinc,
    "smp": smp,
    "xsid": xsid,
    "hwu": hwu,
    "hwu-few": hwu_few,
    "dialogflow": dialogflow,
}
OF_RASA: Final = ("shop", "banking-few", "smp")
"""Those that Rasa is trained on too where nothing else is said: each of the others takes it a quarter of an hour."""


def smaller(whole: Set) -> Set:
    """A smoke run's worth: a third of the first part's examples of a few intents."""
    learnt, asked = whole.parts[0]
    intents = sorted({example.intent for example in learnt})[:4]
    few = [
        [each for intent in {*intents, OUT_OF_SCOPE} for each in of if each.intent == intent] for of in (learnt, asked)
    ]
    return Set(name=whole.name, about=whole.about, parts=[(few[0][::3], few[1][::3])], aims={}, refusals={})


def _split(rows: Examples, folds: int) -> tuple[Examples, Examples]:
    return _folds(rows, folds)[0]


def _folds(rows: Examples, folds: int) -> list[tuple[Examples, Examples]]:
    rows = list(rows)
    random.Random(SEED).shuffle(rows)
    return [([each for n, each in enumerate(rows) if n % folds != fold], rows[fold::folds]) for fold in range(folds)]


def _rows(path: str, text: str, intent: str | None) -> Examples:
    with (NLU / path).open(encoding="utf-8", newline="") as file:
        return [_example(row[text], row[intent] if intent else OUT_OF_SCOPE) for row in csv.DictReader(file)]


def _rasa_json(path: str) -> Examples:
    said: Any = json.loads((NLU / path).read_text("utf-8"))
    return [_example(each["text"], each["intent"]) for each in said["rasa_nlu_data"]["common_examples"]]


def _conll(path: str) -> Examples:
    found: Examples = []
    text = ""
    for line in (NLU / path).read_text("utf-8").splitlines():
        if line.startswith("# text ="):
            text = line.partition("=")[2].strip()
        elif line.startswith("# intent ="):
            found.append(_example(text, line.partition("=")[2].strip()))
    return found


def _example(text: str, intent: str) -> Example:
    return Example(text=text, intent=intent, file="", line=0)


def _folded(example: Example) -> str:
    return " ".join(example.text.lower().split())


def given() -> bool:
    return Path(NLU).is_dir()
