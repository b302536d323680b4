"""A taxonomy that grows: what each answer called its mistake, which names are one, and which of them are types.

Every answer counts for exactly one name, and names are only ever joined: the
answers of a joined name count for the other. A name joins one that came before
it in the order of types and candidates, so that no ring of joins can be made.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from typing import Literal

from schemas.recipe.taxonomy import Change, Round, Taxonomy, Type, normalize_name
from tasks.classify.induction.open_reply import Proposal

Voice = tuple[str, str]
"""Whose answer: the mistake's row, and who answered."""
MOST_TYPES = 100
TITLE = "Kinds of mistakes, found in the mistakes"
OTHER = "other"
"""The type of what is too rare for one of its own and belongs under none."""
_MOST_NAMES = 1_000


class Growth:
    """Types, candidates (names with too few answers to be types yet), and how they came about."""

    def __init__(self, start: Taxonomy | None, least: int) -> None:
        self.start, self.least = start, least
        self.types: list[str] = [normalize_name(name) for name in start.labels()] if start else []
        self.answers: dict[Voice, str] = {}
        self.ruled: dict[str, str] = {}
        """The kinds that rules named, and the name that each was taken for."""
        self.history: list[Change] = list(start.history) if start else []
        self.rounds: list[Round] = list(start.rounds) if start else []
        self._into: dict[str, str] = {}
        self._names: dict[str, Counter[str]] = {}
        self._definitions: dict[str, Counter[str]] = {}
        self._settled: dict[str, tuple[str, str]] = {}
        for name in start.labels() if start else ():
            assert start is not None
            self._names[normalize_name(name)] = Counter([name])
            for alias in start.types[name].also:
                if normalize_name(alias) not in self._names:
                    self._names[normalize_name(alias)] = Counter([alias])
                    self._into[normalize_name(alias)] = normalize_name(name)

    def root(self, key: str) -> str:
        """The name that a name counts for."""
        while key in self._into:
            key = self._into[key]
        return key

    def name(self, key: str) -> str:
        """How a name is mostly written, the first by the alphabet of several; a type's stays as it was."""
        if key in self._settled:
            return self._settled[key][0]
        return min(self._names[key].items(), key=lambda pair: (-pair[1], pair[0]))[0]

    def definition(self, key: str) -> str:
        """What most answers say that it means, the first by the alphabet of several; a type's stays as it was."""
        if key in self._settled:
            return self._settled[key][1]
        if self.start and (known := self.start.types.get(self.name(key))):
            return known.definition
        counts = self._definitions.get(key) or Counter([f"What classifiers call {self.name(key)}."])
        return min(counts.items(), key=lambda pair: (-pair[1], pair[0]))[0]

    def defined(self, key: str) -> bool:
        """Whether anybody said what it means."""
        return key in self._definitions or bool(self.start and self.name(key) in self.start.types)

    def sizes(self) -> Counter[str]:
        """The answers that count for each name, those of joined names among them."""
        return Counter(self.root(key) for key in self.answers.values())

    def mistakes(self) -> Counter[str]:
        """The mistakes that are called each name by somebody; one of which two say the same counts once."""
        return Counter(key for _, key in {(row, self.root(key)) for (row, _), key in self.answers.items()})

    def candidates(self) -> list[str]:
        """The names that are no types yet, those of most answers first; also those without answers now."""
        known, sizes = set(self.types), self.sizes()
        roots = {self.root(key) for key in self._names} - known
        return sorted(roots, key=lambda key: (-sizes[key], key))

    def count_answers(self, answers: Mapping[Voice, Proposal], rows: int) -> int:
        """Count a round's answers, each instead of what the same voice said before; the round's number."""
        number = len(self.rounds) + 1
        known = proposed = 0
        fresh: dict[str, int] = {}
        for voice, proposal in sorted(answers.items(), key=lambda pair: pair[0]):
            self.answers.pop(voice, None)
            word = proposal.type or proposal.name
            if word:
                key = normalize_name(word)
                self._count_name(number, key, word, proposal.definition, fresh)
                self.answers[voice] = key
                is_type = self.root(key) in self.types
                known, proposed = known + is_type, proposed + (not is_type)
        for key, count in sorted(fresh.items()):
            self.history.append(Change(round=number, change="candidate", type=self.name(key), rows=count))
        undecided = len(answers) - known - proposed
        self.rounds.append(
            Round(round=number, rows=rows, known=known, proposed=proposed, undecided=undecided, types=len(self.types))
        )
        return number

    def _count_name(self, number: int, key: str, word: str, definition: str, fresh: dict[str, int]) -> None:
        """Count how a name is written and defined; a new spelling of a known one is a merge of its own."""
        if key not in self._names:
            self._names[key], fresh[key] = Counter(), 0
        elif word not in self._names[key]:
            self.history.append(
                Change(
                    round=number, change="merge", type=word, into=self.name(key), rows=1, by="rule: the same letters"
                )
            )
        self._names[key][word] += 1
        if key in fresh:
            fresh[key] += 1
        if definition:
            self._definitions.setdefault(key, Counter())[definition] += 1

    def join(self, key: str, other: str, change: Literal["merge", "fold"], by: str) -> None:
        """Let a name's answers count for another; nothing where they are one already, or a type would go under."""
        root, into = self.root(key), self.root(other)
        if root == into or root in self.types:
            return
        self.history.append(
            Change(
                round=len(self.rounds), change=change, type=self.name(root), into=self.name(into),
                rows=self.sizes()[root], by=by,
            )
        )  # fmt: skip
        self._into[root] = into

    def promote(self) -> None:
        """Make types of the candidates that have enough mistakes, and note how many types the round leaves."""
        sizes, mistakes = self.sizes(), self.mistakes()
        for key in self.candidates():
            if mistakes[key] >= self.least and len(self.types) < MOST_TYPES:
                self._add_type(key, sizes[key], f"rule: {self.least} mistakes or more")
        if self.rounds:
            self.rounds[-1] = self.rounds[-1].model_copy(update={"types": len(self.types)})

    def _add_type(self, key: str, rows: int, by: str) -> None:
        self.types.append(key)
        self._settled[key] = self.name(key), self.definition(key)
        self.history.append(Change(round=len(self.rounds), change="new", type=self.name(key), rows=rows, by=by))

    def add_other(self) -> str:
        """The type of what belongs under none; it is made where it is first needed."""
        if OTHER not in self._names:
            self._names[OTHER] = Counter([OTHER])
            self._definitions[OTHER] = Counter(["A mistake of none of the other kinds."])
        if self.root(OTHER) not in self.types:
            self._add_type(self.root(OTHER), self.sizes()[OTHER], "rule: what is too rare needs a place")
        return self.root(OTHER)

    def make_taxonomy(self, name: str = "candidates") -> Taxonomy | None:
        """The types as a taxonomy, with all other names of each; None while there is none."""
        if not self.types:
            return None
        also: dict[str, list[str]] = {key: [] for key in self.types}
        for key in sorted(self._names):
            if (root := self.root(key)) in also and key != root:
                also[root].append(self.name(key))
        types = dict(self.start.types) if self.start else {}
        for key in self.types:
            title = self.name(key)
            given = types.get(title) or Type(definition=self.definition(key))
            names = list(dict.fromkeys([*given.also, *also[key]]))[:_MOST_NAMES]
            types[title] = given.model_copy(update={"also": names})
        mapped = dict(self.start.from_) if self.start else {}
        return Taxonomy(taxonomy=name, version="1.0.0", title=TITLE, types=types, from_=mapped, history=self.history, rounds=self.rounds)  # fmt: skip

    def freeze(self, name: str, source: str, mapped: Mapping[str, Mapping[str, str]]) -> Taxonomy:
        """The taxonomy with its history; its name ends in a digest, so that no two that differ have one name."""
        self.promote()
        if not self.types:
            self.add_other()
        taxonomy = self.make_taxonomy(name)
        assert taxonomy is not None
        pairs = {other: {**taxonomy.from_.get(other, {}), **dict(types)} for other, types in mapped.items() if types}
        taxonomy = taxonomy.model_copy(update={"source": source, "from_": {**taxonomy.from_, **pairs}})
        content = [taxonomy.model_dump(mode="json", by_alias=True, include={"types", "from_"})]
        digest = hashlib.blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=4).hexdigest()
        return taxonomy.model_copy(update={"taxonomy": f"{name[:54]}-{digest}"})
