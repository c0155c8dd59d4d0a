"""The card of the model: Markdown below a YAML header, in the form that model hubs show and index."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from spampipe.core import files
from spampipe.core.workspace import Workspace
from spampipe.data.catalogue import DATASETS
from spampipe.evaluation.reports import MAJORITY
from spampipe.models.architectures import BaseModel
from spampipe.models.catalogue import BASE_MODELS, HUB_MODELS
from spampipe.models.hub_names import is_hub_name, named_repository
from spampipe.reporting import contenders, page, templates, wording
from spampipe.reporting.contenders import Contender
from spampipe.reporting.facts import Facts

_TASK = "text-classification"
_METRICS = {"test_accuracy": "accuracy", "test_precision": "precision", "test_recall": "recall"}
_UNKNOWN = "not known here"


def write(facts: Facts, workspace: Workspace) -> None:
    """Write the card.

    Args:
        facts: the result.
        workspace: takes the card.
    """
    files.write_bytes(workspace.model_card, markdown(facts).encode())


def markdown(facts: Facts) -> str:
    """The card, header and text.

    Args:
        facts: the result.
    """
    head = yaml.safe_dump(header(facts), sort_keys=False, allow_unicode=True)
    return f"---\n{head}---\n\n{_body(facts)}"


def header(facts: Facts) -> dict[str, Any]:
    """What the card says for machines; entries that are not known are left out.

    Args:
        facts: the result.
    """
    dataset, name = DATASETS.get(_dataset(facts)), _dataset_name(facts)
    bases = [base for base in _bases(facts.card) if base]
    repositories = [repository for repository, _ in bases if repository]
    licences = {licence for _, licence in bases}
    found: dict[str, Any] = {
        "language": [dataset.language] if dataset and dataset.language else None,
        "license": licences.pop() if len(licences) == 1 else None,
        "library_name": "spampipe",
        "pipeline_tag": _TASK,
        "tags": [_TASK] if facts.labels.positive is None else [_TASK, facts.labels.positive],
        "base_model": repositories or None,
        "datasets": [name] if dataset else None,
        "metrics": ["accuracy", "f1"],
        "model-index": [{"name": facts.title, "results": [_result(facts, name)]}],
    }
    return {key: value for key, value in found.items() if value is not None}


def _result(facts: Facts, dataset: str) -> dict[str, Any]:
    f1 = contenders.f1_name(facts.labels)
    wanted = {**_METRICS, f1: "f1"}
    return {
        "task": {"type": _TASK, "name": "Text classification"},
        "dataset": {"type": dataset, "name": dataset, "split": "test"},
        "metrics": [
            {"type": kind, "name": name.removeprefix("test_").replace("_", " "), "value": facts.metrics[name]}
            for name, kind in wanted.items()
            if facts.metrics.get(name) is not None
        ],
    }


def _body(facts: Facts) -> str:
    found = contenders.all_of(facts)
    dataset = DATASETS.get(_dataset(facts))
    return templates.fill(
        "model_card.md",
        title=_plain(facts.title),
        kind=wording.kind(facts.card),
        labels=wording.listed([_code(name) for name in facts.labels.names], "or"),
        positive=None if facts.labels.positive is None else _code(facts.labels.positive),
        threshold=f"{facts.decision.threshold:g}",
        dataset=_code(_dataset_name(facts)),
        citation=dataset.citation if dataset else None,
        caveat=dataset.caveat if dataset else None,
        data_licence=dataset.licence if dataset else _UNKNOWN,
        base_licences=[
            (name, licence or _UNKNOWN)
            for name, (_, licence) in zip(_base_names(facts.card), _bases(facts.card), strict=True)
        ],
        balancing=facts.settings["balance"]["strategy"],
        splits=list(_counts(facts)),
        names=[_cell(name) for name in facts.labels.names],
        cost=page.cost(facts),
        trained=_training(facts),
        rates=list(found[0].rates),
        f1="macro F1" if facts.labels.positive is None else "F1",
        rows=[
            [each.name, *(wording.interval(rate) for rate in each.rates.values()), wording.percent(each.f1)]
            for each in found
        ],
        beside=[_beside(each) for each in found if each.difference is not None and each.name != MAJORITY],
        leaked=wording.leaked(facts),
        false_positive_rate=_leftover(facts),
    )


def _training(facts: Facts) -> dict[str, Any]:
    """The settings of training that most depends on; none for a model that is not trained step by step."""
    names = ("epochs", "batch_size", "learning_rate", "schedule", "precision", "seed")
    return {name: facts.settings["train"][name] for name in names} if _is_trained_stepwise(facts.card) else {}


def _is_trained_stepwise(card: Mapping[str, Any]) -> bool:
    """Of an ensemble, whether any member is."""
    if "members" in card:
        return any(_is_trained_stepwise(member) for member in card["members"])
    return card.get("trainable") not in (None, "probe", "prompt")


def _counts(facts: Facts) -> Iterator[tuple[str, list[int]]]:
    """Each split's name, and how many messages of each label it has."""
    table = facts.predictions
    for split in table["split"].unique():
        counted = table[table["split"] == split]["label"].value_counts()
        yield split, [int(counted.get(name, 0)) for name in facts.labels.names]


def _leftover(facts: Facts) -> str | None:
    rate = facts.metrics.get("leftover_false_positive_rate")
    return None if rate is None else wording.percent(rate)


def _beside(other: Contender) -> str:
    assert other.difference is not None
    return other.difference.words(other.name, wording.SIGNIFICANCE)


def _base_names(card: Mapping[str, Any]) -> list[str]:
    """The base models whose weights are used, by name; those of an ensemble's members for an ensemble."""
    if "members" in card:
        return [name for member in card["members"] for name in _base_names(member)]
    return [str(card["base"])] if card.get("base_sha256") else []


def _bases(card: Mapping[str, Any]) -> list[tuple[str | None, str | None]]:
    """For each of `_base_names`: the hub's repository and the licence, as far as they are known."""
    return [_known(name) for name in _base_names(card)]


def _known(name: str) -> tuple[str | None, str | None]:
    if is_hub_name(name):
        return named_repository(name), None
    if name in HUB_MODELS:
        return HUB_MODELS[name].path, None
    found: BaseModel = BASE_MODELS[name]
    return found.repository, found.licence


def _dataset(facts: Facts) -> str:
    return str(facts.settings["download"]["dataset"])


def _dataset_name(facts: Facts) -> str:
    """A published data set by its name; of a file, no folder, which says nothing elsewhere."""
    return Path(_dataset(facts)).name


def _plain(text: str) -> str:
    """A text on one line, no character of which Markdown or HTML takes for its own."""
    marked = "".join(f"\\{sign}" if sign in "\\`*_[]<>#|~" else sign for sign in text)
    return " ".join(marked.split())


def _code(text: str) -> str:
    """A text as code, on one line."""
    return f"`{' '.join(text.replace('`', chr(39)).split())}`"


def _cell(text: str) -> str:
    """A text as code in a table."""
    return _code(text).replace("|", "\\|")
