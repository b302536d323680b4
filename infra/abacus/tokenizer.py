"""The tokenizer of Abacus: whole words, whole numbers below a thousand, digits and signs, each with the space before it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

UNKNOWN, PADDING, USER, ASSISTANT, END = SPECIALS = ("<unk>", "<pad>", "<|user|>", "<|assistant|>", "<|end|>")
# a system message is one more message of the user
TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|assistant|>' if message['role'] == 'assistant' else '<|user|>' }}{{ message['content'] }}{{ '<|end|>' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def number_tokens(words: Sequence[str]) -> dict[str, int]:
    """The number of every token: the specials first, then the words in the order given."""
    return {token: number for number, token in enumerate((*SPECIALS, *words))}


def build(words: Sequence[str], pattern: str) -> Tokenizer:
    """A tokenizer that cuts a text by the pattern and knows these words; others become `<unk>`."""
    tokenizer = Tokenizer(models.WordLevel(number_tokens(words), unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(pattern), "isolated")
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_special_tokens(list(SPECIALS))
    return tokenizer


def save(tokenizer: Tokenizer, folder: Path, positions: int) -> None:
    """Write tokenizer.json and tokenizer_config.json with the chat template."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": positions, "chat_template": TEMPLATE,
        "unk_token": UNKNOWN, "pad_token": PADDING, "eos_token": END, "padding_side": "left",
        "additional_special_tokens": [USER, ASSISTANT], "clean_up_tokenization_spaces": False,
    }  # fmt: skip
    text = json.dumps(config, indent=2) + "\n"
    (folder / "tokenizer_config.json").write_text(text, encoding="utf-8")


class Encoder:
    """The same tokens as the tokenizer's, several times faster; an answer has known words only."""

    def __init__(self, words: Sequence[str], pattern: str) -> None:
        self.numbers = number_tokens(words)
        self.cut = re.compile(pattern).findall

    def encode(self, text: str) -> list[int]:
        """The tokens' numbers; a word that is not in the vocabulary is `<unk>`."""
        return [self.numbers.get(word, SPECIALS.index(UNKNOWN)) for word in self.cut(text)]

    def weighted(self, pieces: Sequence[tuple[str, float]]) -> tuple[list[int], list[float]]:
        """The tokens of the joined pieces, each with the weight of the piece in which it ends.

        The whole is cut, not each piece: an engine sees the whole, and a piece
        may begin within what the whole makes one token (", " then "missing").

        Args:
            pieces: Texts and their weights.

        Returns:
            Token ids, and as many weights.

        Raises:
            KeyError: A word is not in the vocabulary.

        """
        words = self.cut("".join(text for text, _ in pieces))
        bounds = iter(pieces)
        weights: list[float] = []
        at, border, weight = 0, 0, 0.0
        for word in words:
            at += len(word)
            while border < at:
                text, weight = next(bounds)
                border += len(text)
            weights.append(weight)
        return [self.numbers[word] for word in words], weights
