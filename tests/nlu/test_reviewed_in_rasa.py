"""Rasa's own reader finds reviewed messages as we wrote them."""

from __future__ import annotations

import json
import random
import subprocess
from datetime import date
from pathlib import Path

import pytest

from nlu.reviewed import Lesson, in_one_line, teach
from nlu.training import ENTITY_KINDS, Annotation
from nlu.understanding import Language
from tests import rasa

ODD = "ab 1[](){}\"'\\u:#-|>&*!%@`$<,.?\n\r\t\u2028\x85\xa0\ufeff退款訂單👩\u200d👧é\x00"
"""What YAML, Rasa's marks and its escapes trip over."""
READ = """
import json, sys
from rasa.shared.nlu.training_data.formats.rasa_yaml import RasaYAMLReader
for message in RasaYAMLReader().read(sys.argv[1]).training_examples:
    marks = [[one["entity"], one["start"], one["end"]] for one in message.get("entities", [])]
    print(json.dumps([message.get("text"), message.get("intent"), marks]))
"""


@pytest.mark.slow
def test_rasa_reads_what_we_wrote(tmp_path: Path) -> None:
    environment = rasa.environment()
    (tmp_path / "a.yml").write_text('version: "3.1"\nnlu:\n- intent: greet\n  examples: |\n    - hello\n')
    chance = random.Random(5)
    expected: list[list[object]] = []
    place = ""
    for number in range(150):
        text = in_one_line("".join(chance.choice(ODD) for _ in range(chance.randint(1, 40)))) or "nothing"
        start = chance.randrange(len(text))
        end = chance.randint(start + 1, len(text))
        mark = Annotation(kind=chance.choice(ENTITY_KINDS), value=text[start:end], start=start, end=end)
        lesson = Lesson(
            text=text,
            intent="refund_request",
            entities=(mark,) if number % 2 else (),
            language=Language.EN,
            interaction=number,
            on=date(2026, 3, 2),
            by='"m\\n: #',
        )
        place = teach(tmp_path, lesson).file
        expected.append([text, "refund_request", [[mark.kind, start, end]] if number % 2 else []])
    done = subprocess.run(
        [str(environment.python), "-c", READ, str(tmp_path / place)],
        env=environment.surroundings(tmp_path),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert [json.loads(line) for line in done.stdout.splitlines()] == expected
