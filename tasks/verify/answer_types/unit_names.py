"""Units behind a formula: which are known, how they are written, and that they are no factors."""

from __future__ import annotations

import re
from functools import lru_cache

_NAMES: dict[str, str] = {}
for _canonical, _others in {
    "mm": "millimeter millimeters millimetre millimetres", "cm": "centimeter centimeters centimetre centimetres", "dm": "decimeter decimeters",
    "m": "meter meters metre metres", "km": "kilometer kilometers kilometre kilometres", "in": "inch inches", "ft": "foot feet", "yd": "yard yards",
    "mi": "mile miles", "mg": "milligram milligrams", "g": "gram grams gm", "kg": "kilogram kilograms", "t": "ton tons tonne tonnes", "lb": "lbs pound pounds",
    "oz": "ounce ounces", "ml": "mL milliliter milliliters", "l": "L liter liters litre litres", "gal": "gallon gallons", "s": "sec secs second seconds",
    "min": "mins minute minutes", "h": "hr hrs hour hours", "d": "day days", "wk": "week weeks", "mo": "month months", "yr": "year years",
    "usd": "dollar dollars bucks", "cent": "cents", "eur": "euro euros €", "yuan": "rmb cny", "rs": "rupee rupees inr", "gbp": "",
    "unit": "units", "deg": "degree degrees", "rad": "radian radians", "mph": "", "kph": "", "n": "newton newtons", "j": "joule joules", "w": "watt watts",
    "v": "volt volts", "a": "ampere amperes amp amps", "hz": "hertz", "k": "kelvin", "person": "persons people", "student": "students", "way": "ways",
    "time": "times", "point": "points", "piece": "pieces", "apple": "apples", "item": "items", "each": "", "celsius": "", "fahrenheit": "",
}.items():  # fmt: skip
    for _name in (_canonical, *_others.split()):
        _NAMES[_name.casefold()] = _canonical
_WORD = r"[a-zA-Z€]+"
_RAISED = r"(?:\s*\^\s*(?:\{\s*-?\s*\d\s*\}|-?\d)|[23](?![\d.]))?"
_DIMENSION = r"(?:(?:square|cubic|sq\.?|cu\.?)\s+)?"
_PIECE = rf"{_DIMENSION}{_WORD}{_RAISED}"
_UNIT = re.compile(rf"{_PIECE}(?:\s*(?:/|per|\*|\\cdot|\s)\s*{_PIECE})*\.?")
_WORDS = re.compile("[\u27e8\u27e9]")
_TAIL = re.compile(
    rf"(?P<value>.*?[\d)}}\]!%\u27e9]|.*?\\(?:pi|degree)|.*?(?<![a-zA-Z\\])[a-zA-Z])(?P<gap>\s*)(?P<unit>\u27e8[^\u27e8\u27e9]*\u27e9{_RAISED}"
    rf"(?:\s*(?:\\cdot|\*|/)?\s*\u27e8[^\u27e8\u27e9]*\u27e9{_RAISED})*|(?<![a-zA-Z\\]){_PIECE}(?:\s*(?:/|per\s)\s*{_PIECE})*)$"
)
_MONEY = re.compile(r"^\s*(-?)\s*(?:[$€£¥₹]|US\$|\b(?:usd|eur|rs\.?)(?=\s*\d))\s*", re.IGNORECASE)
_SIGNS = {"$": "usd", "€": "eur", "£": "gbp", "¥": "yuan", "₹": "rs"}


@lru_cache(maxsize=4096)
def canonicalize_unit(text: str) -> str | None:
    """The canonical form of a unit; None where one of its words is none."""
    text = re.sub(r"\\cdot|\*", " ", _WORDS.sub(" ", text)).strip().strip(",. ").strip()
    text = re.sub(r"\b(?:sq|cu)\.", lambda match: match[0][:2], text)
    if not text or not _UNIT.fullmatch(text):
        return None
    text = re.sub(r"\bper\b", "/", text)
    pieces = []
    for piece in re.finditer(
        rf"(?P<over>/?)\s*(?P<dimension>(?:square|cubic|sq|cu)\s+)?(?P<word>{_WORD})(?P<raised>{_RAISED})", text
    ):
        name = _NAMES.get(piece["word"].casefold())
        if name is None:
            return None
        power = re.sub(r"[^\d-]", "", piece["raised"]) or {"s": "2", "c": "3"}.get((piece["dimension"] or " ")[0], "1")
        if piece["over"]:
            power = str(-int(power))
        pieces.append(name if power == "1" else f"{name}^{power}")
    return " ".join(sorted(pieces)) if pieces else None


def without_unit(text: str) -> tuple[str, str]:
    """A formula, and the unit before or behind it; a single letter without a mark of words is none, but a factor."""
    if (money := _MONEY.match(text)) is not None:
        sign = next((_SIGNS[sign] for sign in money[0] if sign in _SIGNS), "usd")
        return money[1] + without_unit(text[money.end() :])[0], sign
    match = _TAIL.fullmatch(text)
    unit = canonicalize_unit(match["unit"]) if match else None
    if match is None or unit is None:
        return text, ""
    if "\u27e8" not in match["unit"] and re.match(r"[a-zA-Z](?![a-zA-Z])", match["unit"]) and "/" not in match["unit"]:
        return text, ""
    return match["value"], unit
