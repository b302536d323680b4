"""The words of the world: names, things, and whom and what its stories speak of."""

from __future__ import annotations

GIRLS = (
    "Ada", "Bea", "Cora", "Dina", "Edda", "Fay", "Gwen", "Hana", "Ines", "Jule", "Kaja", "Lia", "Mona", "Nora", "Ola",
    "Pia", "Rosa", "Sara", "Tess", "Uma",
)  # fmt: skip
BOYS = (
    "Abel", "Bert", "Carl", "Dan", "Emil", "Finn", "Georg", "Hugo", "Ivan", "Jan", "Kurt", "Levi", "Milo", "Nils",
    "Otto", "Paul", "Ruben", "Sam", "Tom", "Viktor",
)  # fmt: skip
THINGS = (
    "apples", "beads", "books", "buttons", "candles", "cards", "cookies", "cups", "eggs", "figs", "flowers", "kites",
    "lemons", "marbles", "nuts", "oranges", "pears", "pencils", "plums", "postcards", "ribbons", "shells", "stamps",
    "stickers", "stones", "tickets", "tiles", "toys", "tulips", "walnuts",
)  # fmt: skip
BOXES = ("bags", "boxes", "baskets", "packs", "jars", "crates")
DAYS = "days"
COINS = "coins"
