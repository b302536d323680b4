"""Unicode's many forms as one, where that makes no other number: what is raised, lowered or a fraction stays what it is."""

from __future__ import annotations

import re
import unicodedata

_RAISED = re.compile("[⁰¹²³⁴-⁹⁺⁻⁼⁽⁾ⁿⁱ]+")
_LOWERED = re.compile("[₀-₉₊₋]+")
_VULGAR = re.compile("(\\d?)([¼-¾⅐-⅞↉])(?=(\\d?))")
_ENCLOSED = re.compile("[①-⒛⓪⓫-⓾❶-➓㉈-㉏㉑-㉟㊱-㊿]+")


def normalize_unicode(text: str) -> str:
    """A text in the form NFKC, but that 5² is `5^2` and not 52, 3½ is `3 1/2`, a₁ is `a_1`, and ① is no digit of the number beside it.

    Digits of all scripts become plain ones.

    Args:
        text: Any text.

    Returns:
        The same text, each of its numbers what it was.

    """
    if text.isascii():
        return text
    text = _RAISED.sub(_raise, text)
    text = _LOWERED.sub(lambda match: "_" + unicodedata.normalize("NFKC", match[0]), text)
    text = _VULGAR.sub(_write_fraction, text)
    text = _ENCLOSED.sub(lambda match: f" {match[0]} ", text)
    text = unicodedata.normalize("NFKC", text).replace("⁄", "/")
    return text if text.isascii() else re.sub(r"\d", lambda match: str(int(match[0])), text)


def _raise(match: re.Match[str]) -> str:
    power = unicodedata.normalize("NFKC", match[0]).replace("\u2212", "-")
    return f"^{power}" if power.isalnum() else f"^({power})"


def _write_fraction(match: re.Match[str]) -> str:
    part = unicodedata.normalize("NFKC", match[2])
    return f"{match[1]}{' ' if match[1] else ''}{part}{' ' if match[3] else ''}"
