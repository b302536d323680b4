"""The prompts that ship: each text is of one version."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from tasks.llm.prompts import VERSIONS, fill, find_template, list_prompts, name_prompt

KNOWN = Path(__file__).parent / "prompt-versions.json"


def test_a_prompt_of_another_text_is_of_another_version() -> None:
    digests = {
        f"{name} {VERSIONS.get(name, 1)}": hashlib.sha256(find_template(name).encode()).hexdigest()[:16]
        for name in list_prompts()
    }
    known = json.loads(KNOWN.read_text("utf-8"))
    changed = [name for name, digest in digests.items() if known.get(name, digest) != digest]
    assert not changed, f"{', '.join(changed)}: the text is another; raise the number in VERSIONS of tasks/llm/prompts"
    if os.environ.get("ERRATA_ACCEPT"):
        KNOWN.write_text(json.dumps(known | digests, indent=1, sort_keys=True) + "\n", "utf-8")
    assert json.loads(KNOWN.read_text("utf-8")).items() >= digests.items(), "new: run it with ERRATA_ACCEPT=1"


def test_versions_are_of_prompts_that_there_are() -> None:
    assert VERSIONS.keys() <= set(list_prompts())


def test_a_prompt_is_named_with_its_version() -> None:
    assert name_prompt(find_template("solve")) == f"solve {VERSIONS['solve']}"
    assert name_prompt(find_template("abacus-solve")) == "abacus-solve"
    assert name_prompt("{question}") == "own"


def test_what_a_value_says_is_never_a_field() -> None:
    (message,) = fill("{question} {mark}", {"question": "{mark}", "mark": "m"})
    assert message.content == "{mark} m"
