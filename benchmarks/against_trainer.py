"""Time transformers' Trainer and this project's loop on the committed settings, from the same base model.

Run `python -m benchmarks.against_trainer` after `dvc repro`. The Trainer trains the same tensors from the same
values, in batches of the same size that are padded to their longest message, and takes the validation accuracy after
each epoch.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import EvalPrediction, Trainer, TrainingArguments

from benchmarks import timing, training_runs
from benchmarks.opponents import llama_classifier
from spampipe import params
from spampipe.core import command, files
from spampipe.core.workspace import SPLITS, Workspace
from spampipe.data import tokens
from spampipe.data.tokens import TokenTable
from spampipe.models import bases, checkpoint, compute, describing
from spampipe.models.card import ClassifierCard
from spampipe.models.choices import Precision
from spampipe.training.settings import TrainParams

RESULT = timing.RESULTS / "against_trainer.json"
REMARKS = (
    "Each draws its own batch order. An epoch of the Trainer ends with the incomplete batch that this project drops.",
    "After an epoch, the Trainer takes the validation accuracy; this project takes the training accuracy too, and "
    "estimates both losses every few steps.",
    "As here, the Trainer's learning rate is constant and no gradient is clipped; its weight decay leaves norms and "
    "biases out, as is its default.",
)


def main() -> None:
    """Write benchmarks/results/against_trainer.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, help="instead of those in params.yaml")
    parser.add_argument("--messages", type=int, help="use only the first of each split, to try the script out")
    parser.add_argument("--repeats", type=int, default=3, help="of this project's runs")
    parser.add_argument("--trainer-repeats", type=int, default=1)
    arguments = parser.parse_args()
    settings, base = params.load(Workspace().params), Workspace().base
    loop = settings.train.model_copy(update={"epochs": arguments.epochs or settings.train.epochs})
    whole = {name: tokens.load(Workspace().split_tokens(name)) for name in SPLITS}
    tables = training_runs.shortened(whole, arguments.messages)

    def describe(precision: Precision) -> ClassifierCard:
        return describing.describe(
            settings.model, tables["train"].label_set, tables["train"].max_length, precision, base
        )

    trainer, ours = {}, {}
    for precision in get_args(Precision):
        runs = [run_trainer(describe(precision), loop, tables, base) for _ in range(arguments.trainer_repeats)]
        trainer[precision] = summarize(runs)
    compute.configure_torch()  # as the pipeline; the Trainer runs without
    for precision in get_args(Precision):
        changed = loop.model_copy(update={"precision": precision})
        found = [
            training_runs.train_anew(describe(precision), changed, tables, base) for _ in range(arguments.repeats)
        ]
        ours[precision] = summarize([(run.seconds, run.test_accuracy) for run in found])
    fastest = [min((row["seconds"] for row in rows.values()), key=lambda s: s["median"]) for rows in (trainer, ours)]
    same = {name: timing.ratio(trainer[name]["seconds"], ours[name]["seconds"]) for name in ours}
    document = {
        "machine": timing.machine(),
        "settings": {"epochs": loop.epochs, "messages": {name: len(table) for name, table in tables.items()}},
        "params": settings.model_dump(include={"model", "train"}),
        "remarks": REMARKS,
        "trainer": trainer,
        "spampipe": ours,
        "times_faster": same | {"best": timing.ratio(*fastest)},
    }
    files.write_json(RESULT, document)


def summarize(runs: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """Seconds and test accuracies of some runs."""
    return {
        "seconds": timing.spread([seconds for seconds, _ in runs]),
        "test_accuracy": timing.spread([share for _, share in runs]),
    }


def run_trainer(
    card: ClassifierCard, settings: TrainParams, tables: training_runs.Tables, base: Path
) -> tuple[float, float]:
    """Train once with the Trainer: the seconds of that, and the accuracy on the test messages."""
    ours = checkpoint.create(card, settings.seed, 0.0, compute.chosen_device(), base)
    padding = bases.base_model(card.choice, base).family.padding
    model = llama_classifier(ours, padding, card.labels)
    del ours
    data = {name: rows(table) for name, table in tables.items()}
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            model=model,
            args=arguments_for(settings, card.precision, Path(folder)),
            data_collator=Collator(padding),
            train_dataset=data["train"],
            eval_dataset=data["validation"],
            compute_metrics=accuracy,
        )
        start = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - start
        return seconds, trainer.evaluate(data["test"])["eval_accuracy"]


def arguments_for(settings: TrainParams, precision: Precision, folder: Path) -> TrainingArguments:
    """The same training, in the Trainer's words; nothing saved or reported."""
    return TrainingArguments(
        output_dir=str(folder),
        seed=settings.seed,
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.accumulation_steps,
        per_device_eval_batch_size=32,
        dataloader_drop_last=False,  # it would also leave out the last messages of every evaluation
        dataloader_pin_memory=torch.cuda.is_available(),
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        optim="adamw_torch_fused",
        lr_scheduler_type="constant",
        max_grad_norm=0.0,
        bf16=precision == "bf16",
        use_cpu=not torch.cuda.is_available(),
        eval_strategy="epoch",
        logging_steps=settings.eval_every_steps,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )


def rows(table: TokenTable) -> list[dict[str, Any]]:
    """Messages as the Trainer takes them, without padding."""
    parts = zip(table.input_ids, table.lengths, table.labels, strict=True)
    return [{"input_ids": torch.from_numpy(ids[:length]).long(), "label": int(label)} for ids, length, label in parts]


@dataclass(frozen=True)
class Collator:
    """Pads a batch to its longest message."""

    padding: int

    def __call__(self, batch: list[dict[str, Any]]) -> dict[str, Tensor]:
        """The model's arguments for these messages."""
        ids = [row["input_ids"] for row in batch]
        return {
            "input_ids": pad_sequence(ids, batch_first=True, padding_value=self.padding),
            "attention_mask": pad_sequence([torch.ones_like(row) for row in ids], batch_first=True),
            "labels": torch.tensor([row["label"] for row in batch]),
        }


def accuracy(answers: EvalPrediction) -> dict[str, float]:
    """The share of right answers."""
    return {"accuracy": float((answers.predictions.argmax(axis=-1) == answers.label_ids).mean())}


if __name__ == "__main__":
    command.run(main)
