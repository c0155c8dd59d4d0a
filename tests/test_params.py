"""params.yaml: what the committed file says, and how every kind of bad setting is refused."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydantic
import pytest
from dvc.utils.serialize import dumps_yaml, loads_yaml

from spampipe import params
from spampipe.core import yaml12
from spampipe.core.errors import ParamsError
from spampipe.evaluation import metrics
from spampipe.models.catalogue import BASE_MODELS
from tests.support.project import ROOT

COMMITTED = yaml12.load((ROOT / "params.yaml").read_text(encoding="utf-8"))
REMOVED = object()


def _changed(changes: dict[str, Any]) -> dict[str, Any]:
    """The committed settings with some replaced, added or REMOVED; keys are `section` or `section.key`."""
    document = copy.deepcopy(COMMITTED)
    for key, value in changes.items():
        *sections, name = key.split(".")
        place = document[sections[0]] if sections else document
        if value is REMOVED:
            del place[name]
        else:
            place[name] = value
    return document


@pytest.fixture
def load_text(tmp_path: Path):
    def load(text: str | bytes) -> params.Params:
        path = tmp_path / "params.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return params.load(path)

    return load


@pytest.fixture
def load_changed(load_text):
    return lambda changes: load_text(dumps_yaml(_changed(changes)))


def _refusal(load, argument) -> str:
    """The message of the ParamsError, which is one line and names the file."""
    with pytest.raises(ParamsError) as caught:
        load(argument)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert "params.yaml: " in message
    return message


def test_committed_file_holds_the_books_data_settings():
    settings = params.load(ROOT / "params.yaml")
    assert settings.download.dataset == "sms-spam-collection"
    assert settings.balance.model_dump() == {
        "strategy": "undersample",
        "seed": 123,
        "corrections": "data/corrections.csv",
    }
    assert settings.split.model_dump() == {
        "train_fraction": 0.7,
        "validation_fraction": 0.1,
        "seed": 123,
        "group_duplicates": "none",
        "near_threshold": 0.5,
        "stratify": False,
    }
    assert settings.tokenize_pad.max_length == "longest_train"
    assert settings.model_dump() == COMMITTED


def test_settings_can_be_changed_as_a_whole():
    settings = params.load(ROOT / "params.yaml")
    assert settings.changed({"train.epochs": 7, "evaluate.threshold": 0.9}).train.epochs == 7
    assert settings.changed({}) == settings
    with pytest.raises(ParamsError, match=r"^train\.epoch: unknown key; did you mean train\.epochs\?$"):
        settings.changed({"train.epoch": 7})
    with pytest.raises(ParamsError, match=r"^train\.epochs: .* but is 0; change it$"):
        settings.changed({"train.epochs": 0})


@pytest.mark.parametrize("written", ["2e-05", "2E-5", "1e-4", "+3.5e-04", "1.e-3", "0.0001", "1"])
def test_every_spelling_of_a_number_is_read(load_text, written):
    text = dumps_yaml(_changed({"train.learning_rate": "HERE"})).replace("HERE", written)
    learning_rate = load_text(text).train.learning_rate
    assert isinstance(learning_rate, float)
    assert learning_rate == float(written)


def test_a_count_is_the_number_that_dvc_locks(load_text):
    text = dumps_yaml(COMMITTED).replace("epochs: 4", "epochs: 010")
    assert load_text(text).train.epochs == loads_yaml(text)["train"]["epochs"] == 10


def test_a_key_that_stands_twice_is_named_with_its_line(load_text):
    text = dumps_yaml(COMMITTED)
    line = text[: text.index("  epochs: 4")].count("\n") + 2
    message = _refusal(load_text, text.replace("  epochs: 4\n", "  epochs: 4\n  epochs: 5\n"))
    assert message.endswith(f"line {line}: epochs: stands twice, first in line {line - 1}; remove one of the two")


BAD_VALUES = [
    # wrong type
    ("train.learning_rate", "fast"),
    ("train.learning_rate", "0.1"),
    ("train.learning_rate", "1e"),
    ("train.learning_rate", "2e-05"),
    ("train.learning_rate", True),
    ("train.learning_rate", None),
    ("train.learning_rate", [0.1]),
    ("train.learning_rate", "line one\nline two"),
    ("train.epochs", True),
    ("train.epochs", 2.0),
    ("train.epochs", "5"),
    ("train.epochs", "1e1"),
    ("model.causal", 1),
    ("model.causal", 0),
    ("model.causal", "true"),
    ("model.causal", None),
    ("model.position", "middle"),
    ("model.position", None),
    ("split.group_duplicates", "no"),
    ("download.dataset", 228),
    ("balance.strategy", True),
    # out of range
    ("train.learning_rate", 0),
    ("train.learning_rate", -1e-4),
    ("train.learning_rate", float("nan")),
    ("train.learning_rate", float("inf")),
    ("train.learning_rate", "1e999"),
    ("train.weight_decay", -0.1),
    ("train.schedule", "step"),
    ("train.warmup_fraction", 1),
    ("train.warmup_fraction", -0.1),
    ("train.warmup_fraction", None),
    ("train.max_gradient_norm", 0),
    ("train.max_gradient_norm", "1"),
    ("train.max_gradient_norm", float("inf")),
    ("train.patience", 0),
    ("train.patience", 1.5),
    ("train.prune_above", 0.5),
    ("train.prune_above", []),
    ("train.keep", None),
    ("train.keep", "first"),
    ("train.class_weights", None),
    ("train.class_weights", True),
    ("train.epochs", 0),
    ("train.batch_size", -8),
    ("train.seed", -1),
    ("train.seed", 2**32),
    ("balance.seed", 2**32),
    ("balance.strategy", "smote"),
    ("balance.corrections", None),
    ("balance.corrections", ""),
    ("split.train_fraction", 0),
    ("split.train_fraction", 1),
    ("split.validation_fraction", 1.5),
    ("split.group_duplicates", None),
    ("split.group_duplicates", 1),
    ("split.near_threshold", 0),
    ("split.near_threshold", 1.01),
    ("split.near_threshold", None),
    ("model.name", 3),
    ("model.dropout", 1),
    ("train.class_weights", "even"),
    ("model.depth", 0),
    ("model.trained_blocks", 0),
    ("model.lora_rank", 0),
    ("model.lora_alpha", 0),
    ("model.lora_blocks", -1),
    ("train.precision", "fp16"),
    ("evaluate.threshold", 0.0),
    ("evaluate.threshold", 1.0),
    ("evaluate.threshold", "0.5"),
    ("evaluate.threshold", None),
    ("evaluate.threshold", {}),
    ("evaluate.threshold", {"max_false_positive_rate": 0.0}),
    ("evaluate.threshold", {"max_false_positive_rate": 1}),
    ("evaluate.threshold", {"max_false_positive_rat": 0.001}),
    ("evaluate.temperature", None),
    ("evaluate.temperature", 2.0),
    ("evaluate.temperature", "test"),
    ("plot.width_inches", 0),
    ("plot.dots_per_inch", 9),
    ("download.dataset", ""),
    ("download.quoting", "no"),
    ("download.labels", "ham, spam"),
    ("download.labels", {"ham": 0}),
    # beyond what can be computed
    ("train.epochs", 99999999999999999999),
    ("train.batch_size", 10**7),
    ("train.accumulation_steps", 10**7),
    ("train.eval_every_steps", 2**63),
    ("train.eval_batches", 10**7),
    ("train.seed", 10**30),
    ("evaluate.batch_size", 10**7),
    ("plot.height_inches", 1e300),
    ("plot.width_inches", 0.01),
    ("plot.dots_per_inch", 10**6),
    ("check.significance", 5),
]


@pytest.mark.parametrize(("key", "value"), BAD_VALUES)
def test_bad_value_is_named_with_its_key(load_changed, key, value):
    message = _refusal(load_changed, {key: value})
    assert f"params.yaml: {key}: " in message
    assert message.endswith(f"but is {value!r}; change it")


def test_bound_that_is_no_number_is_named_with_its_metric(load_changed):
    message = _refusal(load_changed, {"check.minimum": {"test_f1": "high"}})
    assert message.endswith("check.minimum.test_f1: must be a valid number, but is 'high'; change it")


def test_a_bad_threshold_is_one_problem_that_lists_what_is_allowed(load_changed):
    message = _refusal(load_changed, {"evaluate.threshold": {"max_false_positive_rate": 2}})
    assert message.endswith(
        "evaluate.threshold: must be more than 0 and less than 1, or a rule such as "
        "{max_false_positive_rate: 0.001}, but is {'max_false_positive_rate': 2}; change it"
    )


def test_a_rule_for_the_threshold_is_recorded_by_its_name(load_changed):
    recorded = load_changed({"evaluate.threshold": {"max_false_positive_rate": 0.01}}).recorded()
    assert recorded["evaluate.threshold.max_false_positive_rate"] == 0.01 and "evaluate.threshold" not in recorded


@pytest.mark.parametrize("value", [0, -1, True, 2.5, "longest", "12", None])
def test_bad_max_length_is_one_problem_that_lists_what_is_allowed(load_changed, value):
    message = _refusal(load_changed, {"tokenize_pad.max_length": value})
    assert message.endswith(
        "tokenize_pad.max_length: must be longest_train, model_context or a whole number from 1 on, "
        f"but is {value!r}; change it"
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"train.learning_rat": 0.1}, "train.learning_rat: unknown key; did you mean learning_rate?"),
        ({"balance.zzz": 1}, "balance.zzz: unknown key; the known ones are strategy, seed"),
        ({"tokenise_pad": {}}, "tokenise_pad: unknown key; did you mean tokenize_pad?"),
        ({"zzz": {}}, f"zzz: unknown key; the known ones are {', '.join(COMMITTED)}"),
        ({"split.seed": REMOVED}, "split.seed: missing; add it"),
        ({"split.near_threshold": REMOVED}, "split.near_threshold: missing; add it"),
        (
            {"split.group_duplicates": True},
            "split.group_duplicates: must be none, exact or near, but is True; write exact instead",
        ),
        (
            {"split.group_duplicates": False},
            "split.group_duplicates: must be none, exact or near, but is False; write none instead",
        ),
        ({"download.labels": REMOVED}, "download.labels: missing; add it"),
        ({"download.labels": [0, 1]}, "download.labels: 0 is not a text; put it in quotes"),
        ({"download.labels": [True, "no"]}, "download.labels: True is not a text; put it in quotes"),
        ({"download.labels": ["yes"]}, "download.labels: must be two labels or more, or null for those found"),
        ({"download.labels": []}, "download.labels: must be two labels or more, or null for those found"),
        ({"download.labels": ["yes", "no", "yes"]}, "download.labels: yes stands twice; remove one of the two"),
        ({"download.labels": ["yes", ""]}, "download.labels: '' is empty; correct it"),
        ({"download.labels": ["yes", "no "]}, "download.labels: 'no ' begins or ends with white space; correct it"),
        (
            {"model.name": "minilm-l6", "model.causal": True},
            "model: minilm-l6 reads both ways; set model.causal to auto or false",
        ),
        (
            {"model.name": "minilm-l6", "model.position": "last_real"},
            "model: minilm-l6 reads both ways, so the last token says no more; set model.position to mean or first",
        ),
        (
            {"model.name": "minilm-l6", "model.position": "last"},
            "model: minilm-l6 reads both ways, so the last token says no more; set model.position to mean or first",
        ),
        ({"plot": REMOVED}, "plot: missing; add it"),
        ({"plot": None}, "plot: must be"),
        ({"plot": [1]}, "plot: must be"),
        (
            {"check.minimum": {"test_acuracy": 0.9}},
            "check.minimum: reports/evaluate/metrics.json has no test_acuracy; did you mean test_accuracy?",
        ),
        (
            {"check.maximum": {"zzz": 0.9}},
            "check.maximum: reports/evaluate/metrics.json has no zzz; the known ones are test_accuracy, ",
        ),
        (
            {"plot.width_inches": 100, "plot.dots_per_inch": 2400},
            "plot: figures would be 240000 pixels long, more than 10000; lower the inches or dots_per_inch",
        ),
        (
            {"split.train_fraction": 0.9, "split.validation_fraction": 0.1},
            "split: train_fraction and validation_fraction leave no test set",
        ),
        (
            {"split.train_fraction": 0.5, "split.validation_fraction": 0.6},
            "split: train_fraction and validation_fraction leave no test set; lower one of them",
        ),
        ({"model.name": "gpt2-smal"}, "model.name: gpt2-smal: no such model; did you mean gpt2-small?"),
        ({"model.name": "BERT"}, f"model.name: BERT: no such model; the known ones are {', '.join(BASE_MODELS)}"),
        ({"model.name": "hub:"}, "model.name: hub:: a repository of the hub is named hub:OWNER/NAME"),
        ({"model.name": "hub:gpt2"}, "model.name: hub:gpt2: a repository of the hub is named hub:OWNER/NAME"),
        ({"model.name": "hub:../x"}, "model.name: hub:../x: a repository of the hub is named hub:OWNER/NAME"),
        ({"model.name": "hub:a/b/c"}, "model.name: hub:a/b/c: a repository of the hub is named hub:OWNER/NAME"),
        ({"model.name": "hub:a/b", "model.revision": ""}, "model.revision: "),
        ({"model.name": "hub:a/b", "model.revision": 7}, "model.revision: "),
        (
            {"model.revision": "0" * 40},
            "model: smollm2-135m is pinned already; set model.revision to null, or name a",
        ),
        ({"model.name": "smollm2-360m", "model.revision": "main"}, "model: smollm2-360m is pinned already; set"),
        (
            {"model.name": "gpt2-tiny", "model.weights": "pretrained"},
            "model: gpt2-tiny has no pretrained weights; set model.weights to random",
        ),
        ({"model.features": [[18]]}, "model.features.0: "),
        ({"model.features": [18, "mean"]}, "model.features.0: must be a valid tuple, but is 18; change it"),
        ({"model.features": [[2, "mean"], [3, "max"]]}, "model.features.1: must be 'last_real', 'mean' or 'first'"),
        ({"model.features": [[0, "mean"]]}, "model.features.0: must be greater than or equal to 1, but is 0"),
        ({"model.features": []}, "model.features: "),
        ({"model.features": [[2, "mean"], [2, "mean"]]}, "model.features: [2, mean] stands twice; remove one"),
        (
            {"model.trainable": "probe", "model.features": [[3, "mean"], [31, "first"]]},
            "model: features: there is no block 31, only 30; name blocks from 1 to 30",
        ),
        (
            {"model.depth": 31},
            "model: depth is 31, but the base has 30 blocks; set it to 30 or less, or to null",
        ),
        (
            {"model.trainable": "last_blocks"},
            "model: trained_blocks must be a number where trainable is last_blocks; change one of the two",
        ),
        (
            {"model.trained_blocks": 2},
            "model: trained_blocks must be null where trainable is last_block; change one of the two",
        ),
        (
            {"model.trainable": "last_blocks", "model.trained_blocks": 24, "model.depth": 23},
            "model: trained_blocks is 24, but the model has 23 blocks; set it to 23 or less",
        ),
        (
            {"model.trainable": "lora", "model.lora_blocks": 31},
            "model: lora_blocks is 31, but the model has 30 blocks; set it to 30 or less",
        ),
        (
            {"model.name": "gpt2-small", "tokenize_pad.max_length": 1025},
            "tokenize_pad.max_length is 1025, but gpt2-small reads at most 1024 tokens; set it to 1024 or less",
        ),
        (
            {"model.name": "smollm2-135m", "tokenize_pad.max_length": 8193},
            "tokenize_pad.max_length is 8193, but smollm2-135m reads at most 8192 tokens; set it to 8192 or less",
        ),
    ],
)
def test_refusal_says_what_to_do(load_changed, changes, expected):
    assert f"params.yaml: {expected}" in _refusal(load_changed, changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"model.name": "gpt2-small", "tokenize_pad.max_length": 1024},
        {"model.name": "smollm2-135m", "tokenize_pad.max_length": 8192},
        {"tokenize_pad.max_length": 1},
        {"download.labels": ["no", "yes"]},
        {"download.labels": ["not sure", "yes", "No", "no"]},
        {"model.name": "gpt2-tiny", "model.weights": "random"},
        {"model.name": "smollm2-360m"},
        {"model.name": "hub:some-one/A.model_2"},  # the download stage says what to set model.revision to
        {"model.name": "hub:a/b", "model.revision": "main", "tokenize_pad.max_length": 100_000},
        {"model.causal": True, "model.position": "last"},
        {"model.causal": False, "model.position": "first"},
        {"model.name": "minilm-l6"},
        {"model.name": "gte-small", "model.causal": False, "model.position": "first"},
        {"model.name": "minilm-l6", "tokenize_pad.max_length": 512},
        {"split.train_fraction": 0.8, "split.validation_fraction": 0.1999},
        {"model.trainable": "probe", "model.features": [[30, "mean"], [1, "first"], [1, "last_real"]]},
        {"model.features": [[31, "mean"]]},  # of no concern without a probe
        {"model.name": "gpt2-small", "model.members": []},
        {"train.seed": 2**32 - 1, "balance.seed": 0},
        {"model.dropout": 0, "train.weight_decay": 0},
        {"train.schedule": "linear", "train.warmup_fraction": 0.999, "train.max_gradient_norm": 1},
        {"train.schedule": "cosine", "train.patience": 1, "train.keep": "best", "train.class_weights": "balanced"},
        {"model.depth": 30, "model.trainable": "last_blocks", "model.trained_blocks": 30},
        {"model.depth": 1, "model.trainable": "lora", "model.lora_blocks": 1, "model.lora_rank": 1},
        {"model.depth": 1, "model.lora_blocks": 31},  # which is not used with last_block
        {"evaluate.threshold": {"max_false_positive_rate": 0.001}, "evaluate.temperature": "validation"},
        {"train.epochs": 1_000_000, "train.eval_every_steps": 1_000_000},
        {"plot.width_inches": 100, "plot.dots_per_inch": 100},
        {"check.minimum": {}, "check.maximum": dict.fromkeys([*metrics.NAMES, "test_recall_my label"], 1.0)},
    ],
)
def test_settings_at_their_limits_are_accepted(load_changed, changes):
    assert load_changed(changes).model_dump() == _changed(changes)


def test_several_problems_name_the_first_and_count_the_others(load_changed):
    message = _refusal(load_changed, {"split.seed": -1, "tokenize_pad.max_length": 0, "train.epochs": 0})
    assert "split.seed" in message
    assert message.endswith("(and 2 more)")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("train: [1, 2\nmodel: }", "cannot be read: "),
        ("\ttrain: 1", "cannot be read: "),
        (b"train: \xff", "cannot be read: "),
        ("", "expected the sections download, balance, split"),
        ("- train", "expected the sections download, balance, split"),
        ("train", "expected the sections download, balance, split"),
    ],
)
def test_file_that_is_no_mapping_is_refused(load_text, text, expected):
    assert f"params.yaml: {expected}" in _refusal(load_text, text)


def test_missing_file_is_refused(tmp_path):
    message = _refusal(params.load, tmp_path / "params.yaml")
    assert message.endswith("no such file; run from the repository's top folder")


def test_settings_cannot_be_changed_afterwards():
    settings = params.load(ROOT / "params.yaml")
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        settings.train.epochs = 1
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        settings.train = settings.train


def _fields(model: type[pydantic.BaseModel], prefix: str = "") -> Iterator[tuple[str, pydantic.fields.FieldInfo]]:
    for name, field in model.model_fields.items():
        yield prefix + name, field
        if isinstance(field.annotation, type) and issubclass(field.annotation, pydantic.BaseModel):
            yield from _fields(field.annotation, f"{prefix}{name}.")


def test_no_setting_has_a_default_outside_the_file():
    fields = dict(_fields(params.Params))
    assert [name for name, field in fields.items() if not field.is_required()] == []
    written = {*COMMITTED, *(f"{section}.{key}" for section, keys in COMMITTED.items() for key in keys)}
    assert set(fields) == written


def test_every_base_model_can_be_named(load_changed):
    for name in BASE_MODELS:
        assert load_changed({"model.name": name, "model.weights": "random"}).model.name == name


def test_what_decides_a_result_is_recorded_by_section_and_key(load_changed) -> None:
    recorded = load_changed({}).recorded()
    named = [
        f"{section}.{key}"
        for section, values in COMMITTED.items()
        if section not in ("check", "crossvalidate")
        for key in values
    ]
    assert sorted(recorded) == sorted(named)
    assert all(not isinstance(value, dict) for value in recorded.values())
    assert load_changed({"train.learning_rate": 0.00005, "train.seed": 7}).title.endswith(" lr=5e-05 seed=7")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "smollm2-135m last_block"),
        ({"model.depth": 23}, "smollm2-135m depth=23 last_block"),
        ({"model.trainable": "last_blocks", "model.trained_blocks": 3}, "smollm2-135m last_blocks=3"),
        ({"model.trainable": "lora"}, "smollm2-135m lora rank=8 alpha=16"),
        (
            {"model.trainable": "lora", "model.lora_blocks": 4, "model.depth": 23},
            "smollm2-135m depth=23 lora rank=8 alpha=16 blocks=4",
        ),
    ],
)
def test_a_title_names_the_part_that_is_trained(load_changed, changes, expected) -> None:
    assert load_changed(changes).title == f"{expected} lr=0.0002 seed=123"
