"""The model's card, as the hub's own library reads it."""

from pathlib import Path

import pytest
import yaml
from huggingface_hub import ModelCard, ModelCardData

from spampipe.core.workspace import Workspace
from spampipe.data.catalogue import DATASETS
from spampipe.data.labels import LabelSet
from spampipe.models.catalogue import BASE_MODELS
from spampipe.reporting import model_card
from tests.support import told
from tests.support.label_sets import THREE, TWO


def tables(card: str) -> list[list[list[str]]]:
    """The tables of a card, as rows of cells."""
    found: list[list[list[str]]] = [[]]
    for line in card.replace("\\|", "/").splitlines():
        if line.startswith("|"):
            found[-1].append([cell.strip() for cell in line.strip("|").split("|")])
        elif found[-1]:
            found.append([])
    return found[:-1]


@pytest.mark.parametrize("known", [TWO, THREE])
def test_the_hub_reads_the_header(known: LabelSet, tmp_path: Path) -> None:
    found = told.result(tmp_path, known)
    text = model_card.markdown(found)
    head = yaml.safe_load(text.split("---\n")[1])
    assert head == model_card.header(found)
    data = ModelCard(text).data
    assert isinstance(data, ModelCardData) and data.pipeline_tag == "text-classification"
    assert (data.license, data.language, data.datasets) == ("apache-2.0", ["en"], ["sms-spam-collection"])
    assert data.base_model == ["HuggingFaceTB/SmolLM2-135M-Instruct"]
    f1 = "test_f1" if known is TWO else "test_macro_f1"
    shown = {each.metric_type: each.metric_value for each in data.eval_results}
    assert (shown["accuracy"], shown["f1"]) == (found.metrics["test_accuracy"], found.metrics[f1])
    assert ("precision" in shown) == (known is TWO)
    assert {each.dataset_split for each in data.eval_results} == {"test"}


def test_the_text_has_counts_figures_and_limits(tmp_path: Path) -> None:
    found = told.result(tmp_path, TWO, copied=8)
    text = model_card.markdown(found)
    counts, results = tables(text)
    assert counts[0] == ["messages", "`ham`", "`spam`"] and ["test", "20", "20"] in counts
    counted = found.predictions.groupby(["split", "label"]).size()
    assert all(int(row[2]) == counted.get((row[0], "spam"), 0) for row in counts[2:])
    assert all(len(row) == len(table[0]) for table in (counts, results) for row in table)
    assert [row[0] for row in results[2:]] == ["this model", "tfidf-svm", "tfidf-logistic", "majority"]
    assert results[2][1] == "92.5 % (80.1 to 97.4)"
    for words in (
        DATASETS["sms-spam-collection"].citation,
        DATASETS["sms-spam-collection"].caveat,
        "Of the 40 test messages, ",
        "A text is labelled `spam` from a probability of 0.5 on.",
        "- no difference: 37 of 40 right, as in tfidf-svm",
        "- Data: CC BY 4.0.",
        "- Base model smollm2-135m: apache-2.0.",
        "- learning_rate: 0.0002",
    ):
        assert words in text


def test_the_same_files_give_the_same_card_wherever_they_lie(tmp_path: Path) -> None:
    cards = set()
    for name in ("one", "other"):
        workspace = Workspace(tmp_path / name)
        model_card.write(told.result(workspace.root, TWO), workspace)
        cards.add(workspace.model_card.read_bytes())
    (written,) = cards
    assert str(tmp_path).encode() not in written


def test_of_own_data_nothing_is_said_that_is_not_known(tmp_path: Path) -> None:
    found = told.result(tmp_path, THREE, card={"base": "tfidf-svm"}, dataset="/home/me/tickets.csv")
    head, text = model_card.header(found), model_card.markdown(found)
    assert {"language", "license", "datasets", "base_model"}.isdisjoint(head)
    assert head["model-index"][0]["results"][0]["dataset"]["name"] == "tickets.csv"
    assert "/home/me" not in text and "- Data: not known here." in text and "Base model" not in text
    assert "learning_rate" not in text  # of a model that is not trained step by step
    ModelCard(text).data.to_dict()


@pytest.mark.parametrize(
    ("card", "stepwise"),
    [
        (told.FINE_TUNED | {"base_sha256": None}, True),
        (told.FINE_TUNED | {"trainable": "probe"}, False),
        (told.FINE_TUNED | {"trainable": "prompt"}, False),
        ({"base": "tfidf-svm"}, False),
        ({"base": "ensemble", "members": [{"base": "tfidf-svm"}, told.FINE_TUNED]}, True),
    ],
)
def test_the_learning_rate_of_what_was_trained_by_one_is_told(
    card: dict[str, object], stepwise: bool, tmp_path: Path
) -> None:
    assert ("- learning_rate: " in model_card.markdown(told.result(tmp_path, TWO, card=card))) == stepwise


def test_names_cannot_become_markdown(tmp_path: Path) -> None:
    known = LabelSet(names=("a|b", "`x`", "<b>: - #"), positive=None)
    text = model_card.markdown(told.result(tmp_path, known))
    counts, _ = tables(text)
    assert counts[0] == ["messages", "`a/b`", "`'x'`", "`<b>: - #`"]
    assert yaml.safe_load(text.split("---\n")[1])


@pytest.mark.parametrize(
    ("card", "repositories", "licence"),
    [
        ({"base": "minilm-l6", "base_sha256": "0"}, ["sentence-transformers/all-MiniLM-L6-v2"], "apache-2.0"),
        ({"base": "gpt2-small", "base_sha256": "0"}, ["openai-community/gpt2"], "mit"),
        ({"base": "smollm2-360m", "base_sha256": "0"}, ["HuggingFaceTB/SmolLM2-360M"], None),
        ({"base": "hub:owner/name", "base_sha256": "0"}, ["owner/name"], None),
        ({"base": "gpt2-small", "base_sha256": None}, None, None),  # random weights
        ({"base": "ensemble", "members": [{"base": "tfidf-svm"}, told.FINE_TUNED]}, None, "apache-2.0"),
    ],
)
def test_the_base_model_is_named_if_its_weights_are_used(
    card: dict[str, object], repositories: list[str] | None, licence: str | None, tmp_path: Path
) -> None:
    head = model_card.header(told.result(tmp_path, TWO, card=card))
    expected = ["HuggingFaceTB/SmolLM2-135M-Instruct"] if "members" in card else repositories
    assert (head.get("base_model"), head.get("license")) == (expected, licence)


def test_every_published_base_model_has_a_repository_and_a_licence() -> None:
    for name, base in BASE_MODELS.items():
        known = (base.repository, base.licence)
        assert all(known) if base.has_pretrained_weights else known == (None, None), name
