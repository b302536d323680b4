"""No character of data steers a terminal, in any verb: a corpus whose every text is hostile, looked at by all of them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from errata.cli.command import main, make_parser

from flows.gates.check import watch_gates
from flows.planning.plan import make_plan
from flows.publishing.publish import publish_release
from flows.running.run_plan import materialize
from flows.running.watcher import NOBODY
from tests.client.cli.test_terminal import open_terminal

EVIL = "\x1b[31mEVIL\x1b]0;pwned\x07\x08\x0b\x9b2J\u202egnp\u2066.exe\u200b\x85\u2028\rz"
OURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
"""Sequences that the command may write itself: colours, and where the cursor goes."""
RECIPE = """\
corpus: evil
version: {version}
title: {text}
description: {text}
license: MIT
sources: [{{name: {text}, license: {text}}}]
tables:
  generations: {{task: import, files: rows.jsonl, set: set, question: q, answer: a, model: m, text: t}}
  verified: {{task: verify, from: generations}}
  steps: {{task: split, from: verified}}
  wrong: {{task: select, from: steps, where: "verdict = 'wrong'", because: [verdict, undecided]}}
  release: {{task: release, from: [wrong], splits: {{all: 1}}}}
"""
VERBS = {
    "list": [""],
    "show": ["evil", "evil@0.1.0 --json", "evil --examples 3", "evil@{evil}", "{evil}"],
    "load": ["evil", "evil --limit 1 --format csv", "evil --view {evil}", "evil --split {evil}"],
    "verify": ["evil", "{evil}"],
    "pull": ["evil", "evil --view {evil}"],
    "lock": ["--lock {folder}/errata.lock evil", "{evil}"],
    "diff": ["evil@0.1.0 evil@1.0.0", "evil@0.1.0 {evil}"],
    "preview": ["{folder}/r.yaml", "{folder}/odd.yaml"],
    "lint": ["{folder}/r.yaml", "{folder}/odd.yaml"],
    "plan": ["{folder}/r.yaml", "{folder}/r.yaml --json", "{folder}/odd.yaml", "{folder}/{evil}.yaml", "{folder}/where.yaml"],
    "build": ["{folder}/r.yaml --plain", "{folder}/odd.yaml"],
    "gates": ["{folder}/r.yaml"],
    "migrate": [""],
    "view": ["{evil} --no-open", "evil --no-open --view {evil}"],
    "release": ["{folder}/r.yaml", "{folder}/r.yaml --set {evil}"],
    "check": ["{evil} {evil}", "3 {evil}", "{evil} 3 --json"],
    "ledger": ["", "--json"],
    "evaluate": ["{folder}/rows.jsonl --gold {folder}/rows.jsonl", "{folder}/r.yaml:{evil}", "{folder}/r.yaml:wrong"],
    "browse": ["evil", "{folder}/r.yaml:wrong", "{folder}/r.yaml:wrong --rejected", "{folder}/rows.jsonl", "evil --search {evil}"],
    "report": ["evil --output {folder}/report.html", "{evil}"],
    "trace": ["evil", "evil {row}", "evil {evil}"],
    "tag": ["evil@1.0.0 best --reason {evil}", "evil@1.0.0 {evil}", "evil"],
    "deprecate": ["evil@0.1.0 --reason {evil}"],
    "yank": ["evil@0.1.0 --reason {evil}"],
    "restore": ["evil@0.1.0 --reason {evil}"],
    "push": ["evil {folder}/pushed", "{evil} {folder}/pushed"],
    "sign": ["evil --key {folder}/{evil}"],
    "gc": ["", "--remove"],
    "new": ["{evil}"],
    "init": ["{folder}/rows.jsonl --yes"],
    "formats": ["{evil}"], "views": ["{evil}"], "tasks": ["{evil}"], "models": ["fetch {evil}"], "deploy": ["--file {folder}/odd.yaml"],
}  # fmt: skip
WITHOUT = {"schema", "completion", "serve", "calibrate"}
"""Verbs that print nothing of data, serve until they are ended, or ask a model, of which others are tested."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recipes beside hostile rows, and a store with two releases of them."""
    folder = tmp_path_factory.mktemp("evil")
    rows = [
        {
            "set": EVIL,
            "q": f"{EVIL} {n}?",
            "a": "3",
            "m": f"{EVIL}{n % 2}",
            "t": f"{EVIL}\nStep.\nIt is {n}.",
            EVIL: EVIL,
        }
        for n in range(12)
    ]
    lines = [json.dumps(row) for row in (*rows, {"q": EVIL}, {EVIL: EVIL})]
    (folder / "rows.jsonl").write_text("\n".join([*lines, EVIL.replace("\r", "")]) + "\n")
    (folder / "odd.yaml").write_text(
        f"corpus: x\n{json.dumps(EVIL)}: 1\ntables: {{{json.dumps(EVIL)}: {{task: {json.dumps(EVIL)}}}}}\n"
    )
    for name, version in (("r.yaml", "0.1.0"), ("r.yaml", "1.0.0"), ("where.yaml", "1.0.0")):
        (folder / name).write_text(RECIPE.format(version=version, text=json.dumps(EVIL)))
        if name == "where.yaml":
            text = (folder / name).read_text().replace("verdict = 'wrong'\"", f"nothing = '{json.dumps(EVIL)[1:-1]}'\"")
            (folder / name).write_text(text)
            continue
        plan = materialize(make_plan(str(folder / name), None, str(folder / "store")))
        publish_release(plan, watch_gates(plan, NOBODY))
    return folder


def test_every_verb_is_tried() -> None:
    parsers = next(action for action in make_parser()._actions if action.dest == "verb")
    assert parsers.choices is not None and set(parsers.choices) == set(VERBS) | WITHOUT


@pytest.mark.slow
@pytest.mark.parametrize("verb", VERBS)
def test_no_character_of_data_steers_a_terminal(
    verb: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ERRATA_STORE", str(folder / "store"))
    monkeypatch.setenv("ERRATA_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    ended = 0
    for arguments in VERBS[verb]:
        terminal = open_terminal(monkeypatch)
        places = {"evil": EVIL, "folder": str(folder), "row": "0" * 16}
        try:
            main([verb, *(part.format(**places) for part in arguments.split())])
            ended += 1
        except SystemExit:  # of arguments that are none
            pass
        # a bar of progress goes back to the beginning of its line
        shown = re.sub("\r(?=\n|evil@|\x1b)", "", terminal.shown)
        assert "\x1b[31mEVIL" not in shown, (verb, arguments)
        steering = {char for char in OURS.sub("", shown) if not (char.isprintable() or char in "\n\t")}
        assert not steering, (verb, arguments, steering, shown[:2000])
    assert ended
