"""Runs in TRL's environment: each trainer takes a step on a view of the release, loaded by the client.

python training.py STORE CHECKPOINT FOLDER
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import errata
import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoModelForTokenClassification, AutoTokenizer, trainer_utils
from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer, SFTConfig, SFTTrainer
from trl.experimental.prm import PRMConfig, PRMTrainer

STORE, CHECKPOINT, FOLDER = sys.argv[1:4]
COMMON: dict[str, Any] = {
    "max_steps": 1, "per_device_train_batch_size": 4, "report_to": [], "save_strategy": "no", "logging_steps": 1, "use_cpu": True,
    "bf16": False, "gradient_checkpointing": False, "learning_rate": 1e-3, "disable_tqdm": True, "max_length": 256, "seed": 1,
}  # fmt: skip


def view(name: str) -> Dataset:
    """A view's rows, as training code loads them."""
    document = errata.load("abacus-views@^1", view=name, split="train", store=STORE, form="datasets")
    assert isinstance(document, Dataset)
    return document


def model(kind: Any = AutoModelForCausalLM, **given: Any) -> Any:
    """The checkpoint, fresh."""
    return kind.from_pretrained(CHECKPOINT, dtype=torch.float32, **given)


def step(trainer: Any) -> dict[str, float]:
    """One step: its loss, and how far the weights moved."""
    before = {name: weight.detach().clone() for name, weight in trainer.model.named_parameters()}
    loss = trainer.train().training_loss
    moved = sum(
        float((weight.detach() - before[name]).abs().sum()) for name, weight in trainer.model.named_parameters()
    )
    return {"loss": float(loss), "moved": moved}


def main() -> None:
    """Take the steps and print what came of them as one line of JSON."""
    trainer_utils.set_seed(1)
    tokenizer = AutoTokenizer.from_pretrained(CHECKPOINT)

    def given(config: Any, **more: Any) -> dict[str, Any]:
        arguments = config(output_dir=str(Path(FOLDER, config.__name__)), **COMMON, **more)
        return {"args": arguments, "processing_class": tokenizer}

    trainers: dict[str, Callable[[str], Any]] = {
        "sft": lambda name: SFTTrainer(model(), train_dataset=view(name), **given(SFTConfig)),
        "dpo": lambda name: DPOTrainer(model(), ref_model=model(), train_dataset=view(name), **given(DPOConfig)),
        "kto": lambda name: KTOTrainer(model(), ref_model=model(), train_dataset=view(name), **given(KTOConfig)),
        "prm": lambda name: PRMTrainer(
            model(AutoModelForTokenClassification, num_labels=2), train_dataset=view(name), **given(PRMConfig)
        ),
    }
    runs = {
        "sft": (
            "language",
            "language-chat",
            "completion",
            "completion-chat",
            "mistake-tuning",
            "mistake-tuning-chat",
            "self-correction",
            "multi-turn",
        ),
        "dpo": ("preference", "preference-chat", "step-preference", "mcts-dpo", "supercorrect"),
        "kto": ("unpaired", "unpaired-chat"),
        "prm": ("stepwise", "stepwise-whole"),
    }
    values = {f"{kind} {name}": step(trainers[kind](name)) for kind, names in runs.items() for name in names}
    print(json.dumps(values))


if __name__ == "__main__":
    main()
