"""Jieba for both scripts: its dictionary is of simplified Chinese, and cuts traditional Chinese into single characters.

Runs in Rasa's own Python, for config.yml. Source of the interface: rasa.com/docs/rasa/custom-graph-components.
"""

# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownParameterType=false, reportUntypedClassDecorator=false
# pyright: reportUntypedBaseClass=false, reportUnknownArgumentType=false

from __future__ import annotations

from pathlib import Path

import jieba
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.nlu.tokenizers.jieba_tokenizer import JiebaTokenizer
from rasa.nlu.tokenizers.tokenizer import Token
from rasa.shared.nlu.training_data.message import Message

FOLDING = str.maketrans(*Path(__file__).with_name("simplified.txt").read_text("utf-8").split())
"""A character for a character: a word stands where it stood."""


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_TOKENIZER, is_trainable=True)
class BothScriptsTokenizer(JiebaTokenizer):
    """Cuts a text as its simplified form is cut. Entities keep their words; learnt from are the simplified ones."""

    def tokenize(self, message: Message, attribute: str) -> list[Token]:
        text = message.get(attribute)
        words = jieba.tokenize(text.translate(FOLDING))
        return self._apply_token_pattern([Token(text[start:end], start, lemma=word) for word, start, end in words])
