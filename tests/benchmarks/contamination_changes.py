"""Changes of problems by rule: other numbers, other names, other spellings, and prompts round them."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

from tasks.verify.number import WORDS

SPELLED = WORDS[:17]
TENS = {20: "twenty", 30: "thirty", 40: "forty", 50: "fifty", 60: "sixty", 70: "seventy", 80: "eighty", 90: "ninety"}
COUNTS = [*SPELLED[2:], *TENS.values()]
NUMBER = re.compile(rf"\d+(?:,\d{{3}})*(?:\.\d+)?|\b(?:{'|'.join(COUNTS)})\b", re.IGNORECASE)
NAMES = (
    "Priya Oluwaseun Mateusz Ingrid Takeshi Fatima Dmitri Xiomara Lars Nkechi Giulia Bjorn Aaliyah Rashid Svetlana Kwame Beatriz "
    "Hiroshi Zainab Tobias Marisol Anneke Jamal Yusuf Petra Cormac Linh Esperanza Viktor Noor Óscar"
)
MORE_NAMES = ["Mary Ann", "Mr. Okafor", "Ms. Lindqvist", "Jean-Luc"]
NO_NAMES = (
    "January February March April May June July August September October November December Monday Tuesday Wednesday Thursday "
    "Friday Saturday Sunday I"
)
PROMPTS = (
    "Solve the following problem step by step.\n\nQuestion: {}\nAnswer:",
    "You are a helpful assistant. Please reason step by step, and put your final answer within \\boxed{{}}.\n\n{}",
    "Q: {} Let's think step by step.",
    "### Instruction:\nBelow is a math word problem. Write the solution and end with '#### number'.\n### Problem:\n{}\n### Response:",
)
Change = Callable[[str], str]


def change_numbers(text: str, chance: random.Random) -> str:
    """Another number of the same form in the place of each."""

    def change(match: re.Match[str]) -> str:
        old = match[0]
        if old[0].isalpha():
            new = chance.choice([word for word in COUNTS if word != old.lower()])
            return new.capitalize() if old[0].isupper() else new
        plain = old.replace(",", "")
        if "." in plain:
            return f"{chance.uniform(1, 99):.2f}"
        value = int(plain)
        new_value = chance.choice([n for n in range(2, max(10, min(3 * value, 5000))) if n != value])
        new_value = new_value if value < 5000 else value + new_value
        return f"{new_value:,}" if "," in old else str(new_value)

    return NUMBER.sub(change, text)


def change_names(text: str, chance: random.Random, ordinary: set[str]) -> str:
    """Another name in the place of each: of words that never stand in small letters in the whole set."""
    names: dict[str, str] = {}

    def change(match: re.Match[str]) -> str:
        word = match[0]
        if word.lower() in ordinary or word in NO_NAMES.split():
            return word
        if word not in names:
            names[word] = chance.choice([name for name in (*NAMES.split(), *MORE_NAMES) if name not in names.values()])
        return names[word]

    return re.sub(r"\b[A-Z][a-z]+\b", change, text)


def spell_numbers(text: str) -> str:
    """Whole numbers below a hundred in words, those in words in digits."""

    def spell(match: re.Match[str]) -> str:
        if match[0][0].isalpha():
            word = match[0].lower()
            return str(SPELLED.index(word) if word in SPELLED else {w: n for n, w in TENS.items()}[word])
        if not match[0].isdigit() or int(match[0]) > 99:
            return match[0]
        value = int(match[0])
        if value < len(SPELLED):
            return SPELLED[value]
        tens, ones = TENS.get(value - value % 10), value % 10
        return match[0] if tens is None else tens + (f"-{SPELLED[ones]}" if ones else "")

    return NUMBER.sub(spell, text)


def change_units(text: str) -> str:
    """Dollars in front of their number behind it, percents in words, and miles and pounds as what they are elsewhere."""
    text = re.sub(r"\$(\d+(?:,\d{3})*(?:\.\d+)?)", r"\1 euros", text).replace("%", " percent")
    for old, new in (("dollars", "pesos"), ("miles", "kilometers"), ("pounds", "kilograms"), ("feet", "meters"), ("hours", "minutes"), ("weeks", "months")):  # fmt: skip
        text = re.sub(rf"\b{old}\b", new, text)
    return text


def strip_punctuation(text: str) -> str:
    """The text in capital letters without what ends sentences."""
    return re.sub(r"[.,;:!?]+(?=\s|$)", "", text).upper().replace("  ", " ")


def list_changes(texts: Sequence[str], more: Sequence[str]) -> dict[str, list[str]]:
    """The texts changed by each rule, by what the rule changes.

    Args:
        texts: The problems.
        more: Texts of the same sort, which tell ordinary words from names.

    Returns:
        As many texts for each rule.

    """
    chance = random.Random(1)
    ordinary = {word for text in (*texts, *more) for word in re.findall(r"\b[a-z]+\b", text)}
    numbers = [change_numbers(text, chance) for text in texts]
    both = [change_names(text, chance, ordinary) for text in numbers]
    return {
        "nothing but letter case and punctuation": [strip_punctuation(text) for text in texts],
        "numbers": numbers,
        "numbers, in a prompt": [PROMPTS[i % 4].format(text) for i, text in enumerate(numbers)],
        "names and numbers": both,
        "names and numbers, in a prompt": [PROMPTS[i % 4].format(text) for i, text in enumerate(both)],
        "digits to words and words to digits": [spell_numbers(text) for text in texts],
        "names, numbers and units": [change_units(text) for text in both],
    }
