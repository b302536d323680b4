"""Trains one arm on one seed's release: `python -m infra.teaching.train JOB.json`, in the environment with torch.

The job says arm, seed, store, settings and the folder to write: for `sft` and
`dpo` a checkpoint that the engine of Abacus loads, for `prm` scores of the
steps of the exam's solutions. Rows are read by the client `errata`.
"""

from __future__ import annotations

import copy
import json
import math
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import torch
from errata import load
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from infra.abacus.model import Abacus, Shape, export
from infra.teaching import examples as reading
from infra.teaching import losses
from infra.teaching.arms import ARMS, RATES, Arm
from infra.teaching.examples import Example

SHIPPED = Path(__file__).parents[2] / "tasks/engines/abacus/weights"
READERS: dict[str, Callable[[Tokenizer, reading.Row], Any]] = {
    "prompt-completion": reading.read_completion,
    "self-correction": reading.read_correction,
    "preference": reading.read_preference,
    "step-preference": reading.read_preference,
    "stepwise": reading.read_stepwise,
    "stepwise-rollouts": reading.read_stepwise,
}
WARMUP = 20
SCORED = 32
"""Solutions scored at a time."""


def read_rows(job: dict[str, Any], view: str, split: str) -> list[dict[str, Any]]:
    """The rows of a view, as a training job reads them."""
    corpus = f"teaching_{ARMS[job['arm']].recipe}_{job['seed']}"
    rows: list[dict[str, Any]] = load(corpus, view=view, split=split, store=job["store"]).to_pylist()
    return rows


def open_model(tokenizer: Tokenizer, device: str) -> Abacus:
    """The shipped weights; the vectors of new words are drawn as widely as those of the words it knows."""
    weights = load_file(SHIPPED / "model.safetensors")
    old = weights["model.embed_tokens.weight"]
    begun = old.std() * torch.randn(tokenizer.get_vocab_size() - old.shape[0], old.shape[1])
    weights["model.embed_tokens.weight"] = torch.cat((old, begun))
    model = Abacus(Shape(tokenizer.get_vocab_size()))
    model.load_state_dict(weights)
    return model.to(device)


def make_loss(arm: Arm, model: Abacus, head: nn.Module, device: str) -> Callable[[Sequence[Any]], Tensor]:
    """The loss of a batch."""
    if arm.loss == "sft":
        return lambda batch: losses.compute_sft_loss(model, batch, device)
    if arm.loss == "prm":
        return lambda batch: losses.compute_step_loss(model.model, head, batch, device)
    reference = copy.deepcopy(model).requires_grad_(False)
    return lambda batch: losses.compute_dpo_loss(model, reference, batch, device)


def make_batches(arm: Arm, sources: list[list[Any]], settings: dict[str, Any], random: Random) -> Iterator[list[Any]]:
    """Batches without end: of so many tokens, or of so many pairs or solutions."""
    if arm.loss == "sft":
        yield from reading.make_batches(sources, settings["tokens"], random)
    stream = reading.draw_endlessly(sources[0], random)
    while True:
        yield list(islice(stream, settings["rows"]))


def fit(parameters: list[nn.Parameter], loss: Callable[[Sequence[Any]], Tensor], batches: Iterator[list[Any]], updates: int, peak: float) -> list[float]:  # fmt: skip
    """Train for so many updates, with a linear warm-up and a cosine to nothing; each update's loss."""
    adam = torch.optim.AdamW(parameters, lr=peak, betas=(0.9, 0.95), weight_decay=0.01)
    seen = []
    for step, batch in enumerate(islice(batches, updates)):
        for group in adam.param_groups:
            group["lr"] = peak * min(1.0, (step + 1) / WARMUP) * 0.5 * (1 + math.cos(math.pi * step / updates))
        value = loss(batch)
        value.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        adam.step()
        adam.zero_grad(set_to_none=True)
        seen.append(float(value.detach()))
    return seen


def score(model: Abacus, head: nn.Module, solutions: Sequence[Example], device: str) -> list[list[float]]:
    """The probability that each step is right, for each solution."""
    scores: list[list[float]] = []
    with torch.no_grad():
        for begin in range(0, len(solutions), SCORED):
            values = losses.score_steps(model.model, head, solutions[begin : begin + SCORED], device)
            scores += [value.sigmoid().tolist() for value in values]
    return scores


def write_scores(job: dict[str, Any], model: Abacus, head: nn.Module, tokenizer: Tokenizer, device: str) -> None:
    """Scores of the exam's solutions, and of the release's own test split with its labels, for the threshold."""
    asked = json.loads(Path(job["exam"]).read_text("utf-8"))
    solutions = [
        reading.encode_steps(tokenizer, problem["question"], steps, [True] * len(steps))
        for problem in asked
        for steps in problem["solutions"]
    ]
    held = [READERS["stepwise"](tokenizer, row) for row in read_rows(job, ARMS[job["arm"]].views[0], "test")]
    result = {
        "exam": score(model, head, solutions, device),
        "held": score(model, head, held, device),
        "labels": [[label for _, label in example.labels] for example in held],
    }
    (Path(job["folder"]) / "scores.json").write_text(json.dumps(result), "utf-8")


def train(job: dict[str, Any]) -> dict[str, Any]:
    """Do a job; what is to be known of the run."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(job["seed"])
    torch.set_num_threads(job["threads"])
    torch.set_flush_denormal(True)
    arm, folder, began = ARMS[job["arm"]], Path(job["folder"]), time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    rows = {view: read_rows(job, view, "train") for view in arm.views}
    texts = [row["messages"][1]["content"] for row in rows.get("self-correction", [])]
    words = reading.add_words((SHIPPED / "tokenizer.json").read_text("utf-8"), texts)
    tokenizer = Tokenizer.from_str(words)
    model = open_model(tokenizer, device)
    head = nn.Linear(model.shape.hidden, 1).to(device)
    sources = [[READERS[view](tokenizer, row) for row in rows[view]] for view in arm.views]
    batches = make_batches(arm, sources, job["settings"], Random(job["seed"]))  # noqa: S311 - an order of rows is no secret
    parameters = [*model.parameters(), *(head.parameters() if arm.loss == "prm" else ())]
    rate = job.get("rate") or RATES[arm.loss]
    seen = fit(parameters, make_loss(arm, model, head, device), batches, job["settings"]["updates"], rate)
    if arm.loss == "prm":
        write_scores(job, model, head, tokenizer, device)
    else:
        export(model, folder, tokenizer.token_to_id(reading.END), tokenizer.token_to_id("<pad>"))
        (folder / "tokenizer.json").write_text(words, "utf-8")
        shutil.copy(SHIPPED / "tokenizer_config.json", folder)
    few = max(1, len(seen) // 10)
    return {
        "rows": {view: len(given) for view, given in rows.items()}, "device": device,
        "seconds": round(time.monotonic() - began, 1), "processor_seconds": round(time.process_time(), 1), "loss": [sum(seen[:few]) / few, sum(seen[-few:]) / few],
    }  # fmt: skip


if __name__ == "__main__":
    task = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    (Path(task["folder"]) / "trained.json").write_text(json.dumps(train(task)), "utf-8")
