"""Builds that ask an endpoint which misbehaves in one way, or a model that writes to do harm: every row is kept or rejected, no mistake is made up."""

from __future__ import annotations

import logging
import random
import re
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest import mock

from errata import ErrataError
from errata.cli.command import main as run_errata

from flows.planning.plan import Plan, make_plan
from flows.publishing.publish import publish_release
from flows.running.run_plan import materialize
from schemas.errors import ApplicationError
from schemas.time_limit import limit_time
from tasks.engines.openai.engine import OpenAIEngine
from tests.campaign.figures import Figures
from tests.campaign.hostile import OUTPUTS
from tests.campaign.secrets_scan import VARIABLE, bind_key, find_secrets
from tests.campaign.zoo import AWAY, KINDS
from tests.certificates import UNSOUND, write_certificate
from tests.client.cli.test_terminal import Terminal, harmless
from tests.faulty_server import Act, Asked, FaultyServer, completion
from tests.flows.running.test_table import read

LIMIT = 120.0
"""Seconds that a build of a few requests may take."""
PROBLEMS = 6
RECIPE = """\
corpus: asked
version: 0.1.0
title: T
license: Apache-2.0
seed: 1
models:
  one: {{engine: openai, model: finch, url: '{url}', key: {variable}, attempts: {attempts}, timeout: {timeout}, concurrency: 4}}
tables:
  problems: {{task: load, files: problems.jsonl, set: {{value: sums}}, question: question, answer: answer}}
  solutions: {{task: generate, from: problems, models: [one], sampling: [{{temperature: 0}}], max_tokens: 64, failures: 1}}
  steps: {{task: split, from: solutions}}
  verified: {{task: verify, from: steps}}
  release: {{task: release, from: verified, splits: {{train: 0.5, test: 0.5}}}}
"""
_QUESTION = re.compile(r"What is (\d+) \+ (\d+)")


class TooSlowError(Exception):
    """A build takes longer than it may."""


def answer_soundly(asked: Asked) -> Act:
    """The right answer."""
    return completion(write_sum(asked))


def write_sum(asked: Asked) -> str:
    """The right answer's text."""
    match = _QUESTION.search(asked.text)
    assert match, asked.text
    first, second = map(int, match.groups())
    return f"{first} + {second} = {first + second}\n#### {first + second}"


def _is_chosen(asked: Asked) -> bool:
    """Whether it is one of the questions that go wrong: every second one."""
    match = _QUESTION.search(asked.text)
    return bool(match and int(match[1]) % 2)


def write_recipe(folder: Path, url: str, timeout: float, *, count: int = PROBLEMS, attempts: int = 2) -> Path:
    """Write a recipe that asks an endpoint for so many sums, and the sums."""
    problems = (f'{{"question": "What is {n} + {n + 10}?", "answer": "{2 * n + 10}"}}\n' for n in range(count))
    (folder / "problems.jsonl").write_text("".join(problems))
    recipe = folder / "asked.yaml"
    recipe.write_text(RECIPE.format(url=url, variable=VARIABLE, timeout=timeout, attempts=attempts))
    return recipe


class Trial:
    """One corpus of six sums in a folder of its own."""

    def __init__(self, folder: Path, about: str, figures: Figures) -> None:
        self.folder, self.about, self.figures = folder, about, figures

    def build(self, url: str, *, again: bool = False, timeout: float = 0.7) -> Plan | None:
        """Build; None where an error said why not."""
        recipe = write_recipe(self.folder, url, timeout)
        store = str(self.folder / "store")
        with open(self.folder / "log", "a", encoding="utf-8") as log, _logged(log):
            try:
                return limit_time(LIMIT, TooSlowError(), lambda: _build(str(recipe), store, again))
            except TooSlowError:
                self.figures.lose("hangs", f"{self.about}: longer than {LIMIT:g} s")
            except (ErrataError, ApplicationError, OSError) as error:
                print(error, file=log)
                if len(str(error)) > 20_000:
                    self.figures.lose("other", f"{self.about}: an error of {len(str(error))} characters")
            except Exception as error:
                print(traceback.format_exc(), file=log)
                self.figures.lose("tracebacks", f"{self.about}: {type(error).__name__}: {str(error)[:200]}")
        return None

    def check(self, plan: Plan) -> None:
        """Count rows that are neither kept nor rejected, and mistakes that nobody made."""
        assert plan.published is not None
        for row in plan.published["funnel"]:
            if row["rows_in"] is not None and row["rows_in"] != row["kept"] + row["rejected"]:
                self.figures.lose("lost rows", f"{self.about}: {row}")
        solutions = next(row for row in plan.published["funnel"] if row["table"] == "solutions")
        if solutions["kept"] + solutions["rejected"] != PROBLEMS:
            self.figures.lose("lost rows", f"{self.about}: {solutions}")
        verified = next(job for job in plan.jobs if job.name == "verified")
        for row in read(verified).filter(verdict="wrong").iter_rows(named=True):
            self.figures.lose("fabricated mistakes", f"{self.about}: {row['question']} {row['text'][:200]!r}")

    def is_rejected_whole(self) -> bool:
        """Whether each answer is a rejected row with its reason: what was answered for good is not asked again."""
        plan = make_plan(str(self.folder / "asked.yaml"), None, str(self.folder / "store"))
        rejected = 0
        for job in plan.jobs:
            if job.name in ("solutions", "steps") and (manifest := job.folder().read_manifest()):
                rejected += manifest.receipt.rows_rejected()
        return rejected == PROBLEMS

    def scan(self) -> None:
        """Count what holds the key."""
        for path in find_secrets(self.folder):
            self.figures.lose("secrets", f"{self.about}: {path}")


def _build(recipe: str, store: str, again: bool) -> Plan:
    plan = make_plan(recipe, None, store)
    if again and plan.reopen_failed(time.time()):
        plan = make_plan(recipe, None, store)
    publish_release(materialize(plan.retrying_failed(time.time()) if again else plan))
    return make_plan(recipe, None, store)


@contextmanager
def _logged(log: Any) -> Iterator[None]:
    """Have all that is logged or printed written into a file."""
    handler = logging.StreamHandler(log)
    logging.getLogger().addHandler(handler)
    try:
        with redirect_stdout(log), redirect_stderr(log):
            yield
    finally:
        logging.getLogger().removeHandler(handler)


def _ask_side_by_side(
    folder: Path, about: str, script: Callable[[Asked], Act], url: str = ""
) -> tuple[Figures, Trial, Plan | None]:
    """Build with a script; where an error ends that, again with a sound endpoint, which must be enough."""
    figures = Figures(tried=1)
    trial = Trial(folder, about, figures)
    with FaultyServer(script) as server:
        plan = trial.build(url.format(port=server.server_address[1]) or server.url)
        if plan is None:
            figures.counts["refused with a reason"] += 1
            server.script = answer_soundly
            plan = trial.build(server.url, again=True, timeout=60)
    if plan is None and not trial.is_rejected_whole():
        figures.lose(
            "lost rows",
            f"{about}: it does not build with a sound endpoint: {(folder / 'log').read_text()[-300:]}",
            PROBLEMS,
        )
    elif plan is not None:
        trial.check(plan)
    trial.scan()
    return figures, trial, plan


def _ask_whoever_has_no_certificate(folder: Path, about: str) -> Figures:
    """Build with an endpoint that cannot show who it is: nothing is sent to it, and the error says why."""
    context = write_certificate(UNSOUND[about], folder)
    with (
        mock.patch.dict("os.environ", SSL_CERT_FILE=str(folder / "ours.pem")),
        FaultyServer(answer_soundly, tls=context) as stranger,
    ):
        figures, _, _ = _ask_side_by_side(folder, about, answer_soundly, stranger.url)
    if stranger.asked:
        figures.lose("secrets", f"{about}: {len(stranger.asked)} requests were sent to it")
    if not figures.counts["refused with a reason"] or "a certificate that" not in (folder / "log").read_text():
        figures.lose("other", f"{about}: it is not refused with a clear word")
    return figures


class _Asking:
    """What asks: the key is bound to this machine until it is closed."""

    def __init__(self, folder: Path) -> None:
        self._seen: set[str] = set()
        self._patches = _patch_for_asking(folder)

    def close(self) -> None:
        """Take back what was set for the asking."""
        for patch in self._patches:
            patch.stop()

    def _count(self, figures: Figures, kind: str) -> Figures:
        figures.survived = int(not figures.failures)
        figures.counts["kinds"] += kind not in self._seen
        self._seen.add(kind)
        return figures


class Endpoints(_Asking):
    """Every kind of misbehaviour, one after the other."""

    def step(self, folder: Path, number: int, chance: random.Random) -> Figures:
        """One kind: at every second question for ever, at its first attempts, or at every one."""
        kinds = [*KINDS, *AWAY, *UNSOUND]
        about = kinds[number % len(kinds)]
        if about in UNSOUND:
            return self._count(_ask_whoever_has_no_certificate(folder, about), about)
        # the first time around a kind meets half of the questions
        how = "half" if number < len(kinds) else chance.choice(("half", "all", "first"))

        def script(asked: Asked) -> Act:
            is_faulty = {"half": _is_chosen(asked), "all": True, "first": asked.attempt == 0}[how]
            return KINDS[about](write_sum(asked)) if about in KINDS and is_faulty else answer_soundly(asked)

        figures, _, _ = _ask_side_by_side(folder, f"{about} ({how})", script, AWAY.get(about, ""))
        return self._count(figures, about)


class HostileOutputs(_Asking):
    """What models may write, in a build and in front of whoever looks at it."""

    def step(self, folder: Path, number: int, chance: random.Random) -> Figures:
        """One text, or two of them behind each other."""
        names = list(OUTPUTS)
        chosen = [names[number % len(names)], *([chance.choice(names)] if number >= len(names) else [])]
        about, text = " and ".join(chosen), "\n".join(OUTPUTS[name] for name in chosen)

        def script(asked: Asked) -> Act:
            sound = write_sum(asked)
            return completion(f"{text}\n{sound}" if _is_chosen(asked) else sound)

        figures, trial, plan = _ask_side_by_side(folder, about, script)
        if plan is not None:
            _look_at_release(figures, trial, about)
        return self._count(figures, chosen[0])


def _look_at_release(figures: Figures, trial: Trial, about: str) -> None:
    """Have the verbs of the client show a release in a terminal, and look into its pages."""
    store = str(trial.folder / "store")
    verbs: Mapping[str, list[str]] = {
        "show": ["show", "asked"],
        "load": ["load", "asked", "--format", "jsonl"],
        "verify": ["verify", "asked"],
    }
    for verb, words in verbs.items():
        terminal = Terminal()
        with redirect_stdout(terminal), redirect_stderr(terminal):
            code = run_errata([*words, "--store", store])
        if code or not harmless(terminal.shown):
            figures.lose("other", f"{about}: `errata {verb}` ended with {code} or showed control characters")
    for page in (trial.folder / "store" / "releases" / "asked" / "0.1.0").glob("*.html"):
        if "<script>window.hacked" in page.read_text("utf-8"):
            figures.lose("other", f"{about}: {page.name} holds markup of a model")


def _patch_for_asking(folder: Path) -> list[Any]:
    """Bind the key to this machine, and let attempts follow upon each other at once."""
    environment = bind_key(folder) | {"ERRATA_CACHE": str(folder / "cache")}
    defaults = {**(OpenAIEngine.__init__.__kwdefaults__ or {}), "_backoff": 0.01}
    patches: list[Any] = [
        mock.patch.dict("os.environ", environment),
        mock.patch.object(OpenAIEngine.__init__, "__kwdefaults__", defaults),
    ]
    for patch in patches:
        patch.start()
    return patches
