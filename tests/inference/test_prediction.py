"""New texts are classified exactly as a table of the same messages is."""

from pathlib import Path

import numpy as np
import pytest
import torch
from llms_from_scratch.ch06 import classify_review

from benchmarks.opponents import book_encoding, book_model
from spampipe.classifiers import decision
from spampipe.classifiers.decision import Decision
from spampipe.classifiers.predictions import Prediction
from spampipe.classifiers.text_classifier import TextClassifier
from spampipe.core import files
from spampipe.core.errors import CheckpointError, DataError, ParamsError, SpampipeError
from spampipe.core.workspace import Workspace
from spampipe.data import tokens
from spampipe.data.labels import LabelSet
from spampipe.data.tokenizer import Tokenizer
from spampipe.inference import prediction
from spampipe.models import checkpoint
from spampipe.models.card import load_card
from spampipe.models.classifier import Classifier
from spampipe.models.compute import chosen_device
from spampipe.models.families.gpt2 import FAMILY
from tests.support import trained
from tests.support.label_sets import TWO
from tests.support.scored import PETS

MAX_LENGTH, PADDING = 16, 50256
TEXTS = [
    "Hey, are we still up for dinner?",
    "WINNER!! You have been selected to receive a £900 prize. Call 09061701461 now to claim before it expires.",
    "ok",
    "Free entry in 2 a wkly comp to win FA Cup final tkts",
    "\tÜber 🎉 naïve\n\nlines  ",
    "I'm on my way home, do you need anything from the shop? Milk, bread, or something else for tomorrow perhaps?",
    "ok",
]
one_position = pytest.mark.parametrize("position", ["last_real"], indirect=True)


@pytest.fixture(scope="module")
def tokenizer(gpt2_base: Path) -> Tokenizer:
    return FAMILY.load_tokenizer(gpt2_base)


@pytest.fixture(params=["last", "last_real", "first", "mean"])
def position(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def empty(tmp_path: Path, gpt2_base: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A folder with the tokenizer of a base model of two small layers, under a name that the card may have."""
    return trained.with_small_base(tmp_path, gpt2_base, monkeypatch)


@pytest.fixture
def workspace(position: str, empty: Workspace) -> Workspace:
    """A folder with a saved classifier, as the pipeline leaves it."""
    trained.save(empty, TWO, MAX_LENGTH, position=position)
    return empty


@pytest.fixture
def network(workspace: Workspace) -> Classifier:
    """What the classifier computes with."""
    card = load_card(workspace.classifier_card)
    return checkpoint.load(card, chosen_device(), workspace.classifier_weights, workspace.base).network


@pytest.fixture
def loaded(workspace: Workspace) -> TextClassifier:
    return prediction.load(workspace)


def table_of(tokenizer: Tokenizer, texts: list[str], labels: LabelSet = TWO) -> tokens.TokenTable:
    return tokens.pad(tokenizer.encode(texts), [0] * len(texts), MAX_LENGTH, PADDING, labels)


def probabilities(predictions: list[Prediction]) -> np.ndarray:
    return np.array([found.probability for found in predictions])


def test_texts_are_classified_as_the_same_messages_in_a_table(network, loaded, tokenizer):
    table = table_of(tokenizer, TEXTS)
    assert max(map(len, tokenizer.encode(TEXTS))) > MAX_LENGTH > min(table.lengths)
    expected = loaded.probabilities(TEXTS, table, name="test")[:, 1]
    predictions = loaded.classify(TEXTS)
    assert [found.text for found in predictions] == TEXTS
    np.testing.assert_array_equal(probabilities(predictions), expected)
    assert np.ptp(expected) > 0.05
    whole_rows = [torch.from_numpy(part).long().to(chosen_device()) for part in (table.input_ids, table.lengths)]
    with torch.no_grad():
        softmax = torch.softmax(network(*whole_rows), dim=1)[:, 1].cpu()
    np.testing.assert_allclose(expected, softmax, atol=1e-5)


@pytest.mark.parametrize("position", ["last"], indirect=True)
def test_labels_are_those_of_the_books_classify_review(network, workspace, tokenizer):
    network.cpu()
    table = table_of(tokenizer, TEXTS)
    with torch.no_grad():
        scores = network(torch.from_numpy(table.input_ids).long(), torch.from_numpy(table.lengths).long())
        margins = sorted(set((scores[:, 1] - scores[:, 0]).tolist()))
        network.head.bias[1] -= (margins[2] + margins[3]) / 2  # so that both labels occur
    checkpoint.save(
        network, load_card(workspace.classifier_card), workspace.classifier_weights, workspace.classifier_card
    )
    book = book_model(network.decoder, num_labels=2)
    book.out_head.load_state_dict(network.head.state_dict())
    encoding = book_encoding(FAMILY.tokenizer_path(workspace.base))
    labels = [classify_review(text, book, encoding, torch.device("cpu"), MAX_LENGTH, PADDING) for text in TEXTS]
    assert set(labels) == {"spam", "not spam"}
    predictions = prediction.load(workspace).classify(TEXTS)
    assert [found.label for found in predictions] == [label.replace("not spam", "ham") for label in labels]


def test_company_and_batch_size_do_not_matter(loaded):
    expected = probabilities(loaded.classify(TEXTS))
    for batch_size in (1, 2, 5, 1000):
        np.testing.assert_allclose(probabilities(loaded.classify(TEXTS, batch_size=batch_size)), expected, atol=1e-5)
    backwards = loaded.classify(tuple(reversed(TEXTS)), batch_size=3)
    assert [found.text for found in backwards] == TEXTS[::-1]
    np.testing.assert_allclose(probabilities(backwards)[::-1], expected, atol=1e-5)
    alone = [loaded.classify([text])[0].probability for text in TEXTS]
    np.testing.assert_allclose(alone, expected, atol=1e-5)


def test_longer_texts_are_cut(loaded):
    beginning = " spam" * MAX_LENGTH
    just, longer, longest = probabilities(loaded.classify([beginning, f"{beginning} ham", f"{beginning} ham" * 500]))
    assert just == longer == longest


def test_the_end_of_text_marker_in_a_message_is_ordinary_text(loaded, tokenizer, gpt2_base):
    text = "win<|endoftext|> now"
    (row,) = tokenizer.encode([text])
    encoding = book_encoding(FAMILY.tokenizer_path(gpt2_base))
    assert PADDING not in row and PADDING in encoding.encode(text, allowed_special="all")
    expected = loaded.probabilities([text], tokens.pad([row], [0], MAX_LENGTH, PADDING, TWO), name="test")
    np.testing.assert_array_equal(probabilities(loaded.classify([text])), expected[:, 1])


@one_position
def test_the_positive_label_from_the_threshold_on(loaded):
    predictions = loaded.classify(TEXTS)
    for found in predictions:
        assert found.label == ("spam" if found.probability >= 0.5 else "ham")
    border = sorted(found.probability for found in predictions)[3]
    expected = ["spam" if found.probability >= border else "ham" for found in predictions]
    assert set(expected) == {"spam", "ham"}
    assert [found.label for found in loaded.classify(TEXTS, threshold=border)] == expected
    above = loaded.classify(TEXTS, threshold=np.nextafter(border, 1))
    assert [found.label for found in above].count("spam") < expected.count("spam")


@one_position
def test_the_threshold_is_that_of_the_workspaces_evaluation(workspace, loaded):
    border = sorted(found.probability for found in loaded.classify(TEXTS))[3]
    decision.save(workspace.decision, Decision(threshold=border))
    expected = [found.label for found in loaded.classify(TEXTS, threshold=border)]
    assert [found.label for found in prediction.load(workspace).classify(TEXTS)] == expected
    assert expected != [found.label for found in loaded.classify(TEXTS)]  # by the former threshold
    chosen = prediction.load(workspace, threshold=0.99999)
    assert {found.label for found in chosen.classify(TEXTS)} == {"ham"}


@one_position
@pytest.mark.parametrize("threshold", [0, 1, -0.5, 2, float("nan"), float("inf")])
def test_a_threshold_beyond_0_and_1_is_refused_at_every_door(workspace, loaded, threshold):
    for door in (
        lambda: loaded.classify(TEXTS, threshold),
        lambda: loaded.classify([], threshold),
        lambda: prediction.load(workspace, threshold=threshold),
    ):
        with pytest.raises(ParamsError, match=r"^threshold [^\n]*: must be more than 0 and less than 1[^\n]*$"):
            door()
    files.write_json(workspace.decision, {"threshold": threshold})
    with pytest.raises(CheckpointError, match=r"^[^\n]*decision\.json: damaged; [^\n]*$"):
        prediction.load(workspace)


def test_a_threshold_needs_a_positive_label(empty):
    trained.save(empty, PETS, MAX_LENGTH)
    with pytest.raises(ParamsError, match=r"^threshold 0.9: no label of cat, dog, bird is the positive one; [^\n]*$"):
        prediction.load(empty, threshold=0.9)
    assert {found.label for found in prediction.load(empty).classify(TEXTS)} <= set(PETS.names)


@pytest.mark.parametrize(("labels", "threshold"), [(PETS, None), (TWO, 0.3), (TWO, 0.99999)])
def test_every_label_is_ranked_after_the_given_one(empty, labels, threshold):
    trained.save(empty, labels, MAX_LENGTH)
    classifier = prediction.load(empty, threshold=threshold)
    for found, row in zip(classifier.classify(TEXTS), classifier.probabilities(TEXTS), strict=True):
        assert dict(found.ranked) == pytest.approx(dict(zip(labels.names, row, strict=True)), abs=1e-6)
        (first, _), *others = found.ranked
        assert first == found.label
        assert [share for _, share in others] == sorted((share for _, share in others), reverse=True)


@one_position
def test_no_texts_and_empty_texts(loaded):
    assert loaded.classify([]) == []
    for missing in ("", " \n\t"):
        with pytest.raises(DataError, match=r"^text 2 of 3 is empty; [^\n]*$"):
            loaded.classify(["ok", missing, "ok"])


@one_position
@pytest.mark.parametrize("missing", ["classifier_weights", "classifier_card", "decision", "tokenizer"])
def test_a_missing_file_is_named(workspace, missing):
    path = FAMILY.tokenizer_path(workspace.base) if missing == "tokenizer" else getattr(workspace, missing)
    path.unlink()
    with pytest.raises(SpampipeError, match=r"^[^\n]*: no such file; [^\n]*$") as caught:
        prediction.load(workspace)
    assert str(path) in str(caught.value)


@one_position
def test_another_tokenizer_is_refused(workspace):
    path = FAMILY.tokenizer_path(workspace.base)
    *others, (one, first), (another, second) = (line.split() for line in path.read_bytes().splitlines())
    exchanged = [*others, (another, first), (one, second)]
    files.write_bytes(path, b"".join(b"%s %s\n" % tuple(line) for line in exchanged))
    with pytest.raises(CheckpointError, match="not the tokenizer") as caught:
        prediction.load(workspace)
    assert str(path) in str(caught.value)
    files.write_bytes(path, b"<html>\n404\n</html>\n")
    with pytest.raises(DataError, match=r"^[^\n]*: not a rank file [^\n]*$"):
        prediction.load(workspace)
