"""Linear models, with scikit-learn as the judge: the same numbers, the same answers; and what is saved comes back."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_union
from sklearn.svm import LinearSVC
from sklearn.utils.class_weight import compute_sample_weight

import spampipe
from spampipe import params
from spampipe.classifiers import catalogue, decision, tfidf
from spampipe.classifiers.linear import LinearClassifier
from spampipe.classifiers.text_classifier import Split, TextClassifier
from spampipe.classifiers.tfidf import Tfidf
from spampipe.core import files
from spampipe.core.errors import CheckpointError, DataError
from spampipe.core.workspace import Workspace
from spampipe.data.labels import EVEN, LabelSet, decide
from spampipe.evaluation import scores
from spampipe.evaluation.scored import judged
from spampipe.models.card import save_card
from spampipe.training import tables, training_log
from tests.support.project import ROOT

KINDS = ("tfidf-logistic", "tfidf-svm")
TWO = LabelSet(names=("ham", "spam"), positive="spam")
FIRST_IS_POSITIVE = LabelSet(names=("spam", "ham"), positive="spam")
THREE = LabelSet(names=("dinner", "prize", "meeting"), positive=None)
SETS = {"two": TWO, "first positive": FIRST_IS_POSITIVE, "three": THREE}
_STARTS = (
    ("see you at {}", "home late, dinner at {}", "lunch with {} of us"),
    ("claim your prize of {}", "WIN {} pounds", "call {} NOW, you won dinner"),
    ("agenda of meeting {}", "the meeting is at {}", "{} o'clock, see agenda"),
)
QUESTIONS = ["dinner tonight", "claim a PRIZE, now!", "an agenda", "x", "☕ 東京 שלום", "see you in the meeting"]


def texts(name: str, labels: LabelSet, each: int, first: int = 0) -> Split:
    """So many texts of each label, that differ from split to split."""
    found = [
        (start.format(7 * n + first), k) for k in range(len(labels)) for n in range(each) for start in _STARTS[k]
    ]
    return Split(name, [text for text, _ in found], np.array([label for _, label in found]))


def uneven(labels: LabelSet) -> tuple[Split, Split]:
    """Train and validation; the first label is the most frequent, and some texts bear another's label."""
    train, validation = texts("train", labels, 12), texts("validation", labels, 4, first=3)
    kept = np.array([label == 0 or n % 3 == 0 for n, label in enumerate(train.labels)])
    wrong = train.labels.copy()
    wrong[5::17] = 0
    left = [text for text, keep in zip(train.texts, kept, strict=True) if keep]
    return Split("train", left, wrong[kept]), validation


def created(kind: str, labels: LabelSet, **train: object) -> TextClassifier:
    chosen = params.load(ROOT / "params.yaml").changed(
        {"model.name": kind, **{f"train.{k}": v for k, v in train.items()}}
    )
    return catalogue.kind_of(kind).create(chosen.model, chosen.train, labels, 0, Workspace())


def trained(kind: str, labels: LabelSet, **train: object) -> TextClassifier:
    classifier = created(kind, labels, **train)
    classifier.fit(*uneven(labels), lambda record: None)
    return classifier


def saved(classifier: TextClassifier, folder: Path, threshold: float = 0.75) -> Workspace:
    workspace = Workspace(folder)
    classifier.save(workspace)
    decision.save(workspace.decision, decision.Decision(threshold=threshold))
    return workspace


def vectorizer():
    """What scikit-learn users write for words and pieces of words."""
    return make_union(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True),
    )


def terms_of(union) -> list[list[str]]:
    return [sorted(each.vocabulary_, key=each.vocabulary_.get) for _, each in union.transformer_list]


def test_numbers_are_those_of_scikit_learn() -> None:
    train, validation = uneven(THREE)
    union = vectorizer()
    expected = union.fit_transform(train.texts)
    features = Tfidf.learn(train.texts)
    assert [list(names) for names in features.names] == terms_of(union)
    for given_texts, rows in (
        (train.texts, expected),
        *((t, union.transform(t)) for t in (validation.texts, QUESTIONS)),
    ):
        np.testing.assert_allclose(features.rows(given_texts).toarray(), rows.toarray(), rtol=1e-12, atol=1e-15)


_TEXT = st.text(min_size=1).filter(str.strip) | st.lists(
    st.sampled_from([*"aB ñß\t\n\r", "İ", "\x85", "\u2028", "\u00a0", "don't", "word", "123", "☕️", "a" * 50]),
    min_size=1,
).map("".join).filter(str.strip)


@settings(max_examples=60)
@given(st.lists(_TEXT, min_size=1, max_size=6), st.lists(_TEXT, max_size=4))
def test_numbers_of_any_texts_are_those_of_scikit_learn(known: list[str], others: list[str]) -> None:
    union = vectorizer()
    try:
        expected = union.fit_transform(known)
    except ValueError as error:  # scikit-learn refuses texts without a single word; here they have pieces
        assert "empty vocabulary" in str(error)
        union = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
        expected = union.fit_transform(known)
    features = Tfidf.learn(known)
    for given_texts, rows in ((known, expected), *(((others, union.transform(others)),) if others else ())):
        np.testing.assert_allclose(features.rows(given_texts).toarray(), rows.toarray(), rtol=1e-12, atol=1e-15)


def test_a_row_does_not_depend_on_what_it_is_computed_with() -> None:
    features = Tfidf.learn(uneven(THREE)[0].texts)
    together = features.rows(QUESTIONS).toarray()
    for number, question in enumerate(QUESTIONS):
        assert np.array_equal(features.rows([question]).toarray()[0], together[number])
    assert features.rows([]).shape == (0, together.shape[1])


@pytest.mark.parametrize("weighting", ["none", "balanced"])
@pytest.mark.parametrize("labels", SETS.values(), ids=SETS)
@pytest.mark.parametrize("kind", KINDS)
def test_answers_are_those_of_scikit_learn(kind: str, labels: LabelSet, weighting: str) -> None:
    """Its estimator of the chosen strength, each label against the rest, gives each text the same label."""
    train, _ = uneven(labels)
    classifier = trained(kind, labels, class_weights=weighting)
    strength = classifier.describe()["strength"]
    estimator = (
        LinearSVC(C=strength, random_state=0)
        if kind == "tfidf-svm"
        else LogisticRegression(C=strength, solver="liblinear")
    )
    union = vectorizer()
    rows = union.fit_transform(train.texts)
    importance = compute_sample_weight("balanced", train.labels) if weighting == "balanced" else None
    asked = [*QUESTIONS, *texts("test", labels, 5, first=2).texts]
    if len(labels) == 2:  # also the scores themselves
        scores_of = estimator.fit(rows, train.labels, sample_weight=importance).decision_function(
            union.transform(asked)
        )
        expected = (scores_of > 0).astype(int)
        found = classifier.probabilities(asked)
        logits = np.log(found[:, 1] / found[:, 0])
        scale = classifier.describe()["scale"]
        np.testing.assert_allclose(logits, scale * scores_of, rtol=1e-6, atol=1e-6)
    else:
        one_each = [clone(estimator).fit(rows, train.labels == k, sample_weight=importance) for k in range(3)]
        expected = np.argmax([one.decision_function(union.transform(asked)) for one in one_each], axis=0)
        if importance is None:
            assert np.array_equal(
                expected, OneVsRestClassifier(estimator).fit(rows, train.labels).predict(union.transform(asked))
            )
    assert np.array_equal(decide(classifier.probabilities(asked), labels, EVEN), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_probabilities_add_up_and_follow_the_order_of_scores(kind: str) -> None:
    found = trained(kind, THREE).probabilities(QUESTIONS)
    assert found.sum(axis=1) == pytest.approx(1)
    assert (found > 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_strength_and_scale_are_those_of_the_lowest_loss_on_validation(kind: str) -> None:
    train, validation = uneven(THREE)
    features = Tfidf.learn(train.texts)
    rows, asked = features.rows(train.texts), features.rows(validation.texts)
    solved = {}
    for strength in tfidf.STRENGTHS[kind]:
        estimator = tfidf._estimator(kind, strength)
        weights, bias = tfidf._fitted(estimator, rows, train.labels, 3, None)
        raw = tfidf._scores(weights, bias, asked)
        scales = np.exp(np.linspace(-3, 3, 200))
        losses = [softened_loss(scale * raw, validation.labels) for scale in scales]
        solved[strength] = (min(losses), scales[int(np.argmin(losses))])
    found = tfidf.solve(kind, (rows, train.labels), (asked, validation.labels), THREE, balanced=False)
    best = min(solved, key=lambda strength: solved[strength][0])
    assert found.strength == best
    assert found.scale == pytest.approx(solved[best][1], rel=0.03)


def softened_loss(scores_of: np.ndarray, labels: np.ndarray) -> float:
    """Platt's targets, text by text."""
    shares = np.exp(scores_of) / np.exp(scores_of).sum(axis=1, keepdims=True)
    total = 0.0
    for row, label in zip(shares, labels, strict=True):
        count = int((labels == label).sum())
        own = (count + 1) / (count + 2)
        for other, share in enumerate(row):
            total -= (own if other == label else (1 - own) / (len(row) - 1)) * np.log(share)
    return total / len(labels)


def test_probabilities_stay_below_1_where_validation_is_all_right() -> None:
    train = texts("train", TWO, 10)
    classifier = created("tfidf-svm", TWO)
    (record,) = classifier.fit(train, texts("validation", TWO, 5, first=1), lambda record: None)
    assert record.validation == 1.0
    assert 0.9 < classifier.probabilities(train.texts).max() < 0.9999


def test_balanced_weights_find_more_of_the_rare_label() -> None:
    found = {weighting: trained("tfidf-logistic", TWO, class_weights=weighting) for weighting in ("none", "balanced")}
    means = {name: each.probabilities(QUESTIONS)[:, 1].mean() for name, each in found.items()}
    assert means["balanced"] > means["none"]


@pytest.mark.parametrize("labels", SETS.values(), ids=SETS)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_saved_comes_back(kind: str, labels: LabelSet, tmp_path: Path) -> None:
    classifier = trained(kind, labels)
    workspace = saved(classifier, tmp_path)
    loaded = catalogue.load(workspace)
    assert isinstance(loaded, LinearClassifier)
    assert (loaded.labels, loaded.threshold, loaded.describe()) == (labels, 0.75, classifier.describe())
    assert np.array_equal(loaded.probabilities(QUESTIONS), classifier.probabilities(QUESTIONS))
    assert np.array_equal(loaded.probabilities(QUESTIONS, batch_size=1), classifier.probabilities(QUESTIONS))
    assert json.loads(json.dumps(loaded.describe()))["base"] == kind
    assert loaded.probabilities_of(Split("leftover", [], np.array([], int)), 32).shape == (0, len(labels))


def test_terms_of_any_letters_come_back(tmp_path: Path) -> None:
    odd = [f"{start} {n} ☕️ שלום \ud83d ß\x85\u2028İ" for start in ("ham", "spam") for n in range(5)]
    split = Split("train", odd, np.array([0] * 5 + [1] * 5))
    classifier = created("tfidf-svm", TWO)
    classifier.fit(split, split, lambda record: None)
    assert np.array_equal(
        catalogue.load(saved(classifier, tmp_path)).probabilities(odd), classifier.probabilities(odd)
    )


def test_texts_without_a_word_of_two_letters_can_be_told_apart(tmp_path: Path) -> None:
    split = Split("train", ["a !", "a ?", "a .", "b !", "b ?", "b ."], np.array([0, 0, 0, 1, 1, 1]))
    classifier = created("tfidf-logistic", TWO)
    (record,) = classifier.fit(split, split, lambda record: None)
    assert record.train == 1.0
    assert np.array_equal(
        catalogue.load(saved(classifier, tmp_path)).probabilities(["a"]), classifier.probabilities(["a"])
    )


def test_training_reports_accuracies_once() -> None:
    train, validation = uneven(THREE)
    heard: list[training_log.Record] = []
    classifier = created("tfidf-svm", THREE)
    records = classifier.fit(train, validation, heard.append)
    assert heard == records
    for split, share in ((train, records[0].train), (validation, records[0].validation)):
        found = judged("x", split.texts, split.labels, classifier.probabilities(split.texts), THREE, EVEN)
        assert share == scores.accuracy(found)
    assert set(tables.summary(records, "last")) == {"train_accuracy", "validation_accuracy", "steps", "examples_seen"}
    assert classifier.training_flops(100, 1000) is None
    with pytest.raises(CheckpointError, match="trained already"):
        classifier.fit(train, validation, heard.append)


def test_too_few_texts_are_named() -> None:
    train, validation = uneven(THREE)
    only = Split("train", train.texts, np.where(train.labels == 1, 0, train.labels))
    with pytest.raises(DataError, match="prize: no training text has this label"):
        created("tfidf-svm", THREE).fit(only, validation, lambda record: None)
    with pytest.raises(DataError, match="no validation texts"):
        created("tfidf-svm", THREE).fit(train, Split("validation", [], np.array([], int)), lambda record: None)
    with pytest.raises(CheckpointError, match="not trained yet"):
        created("tfidf-svm", THREE).probabilities(["x"])


PROGRAM = """
import sys
from pathlib import Path
from tests.classifiers.test_linear import TWO, saved, trained
for kind in ("tfidf-logistic", "tfidf-svm"):
    saved(trained(kind, TWO), Path(sys.argv[1]) / kind)
"""


def test_another_process_with_more_threads_writes_the_same_bytes(tmp_path: Path) -> None:
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "2")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "7", **threads}
    subprocess.run([sys.executable, "-c", PROGRAM, str(tmp_path)], check=True, env=environment, cwd=ROOT)
    for kind in KINDS:
        mine, theirs = saved(trained(kind, TWO), tmp_path / "here"), Workspace(tmp_path / kind)
        assert files.digest(mine.classifier_weights) == files.digest(theirs.classifier_weights)
        assert mine.classifier_card.read_bytes() == theirs.classifier_card.read_bytes()


def test_loading_needs_neither_torch_nor_scikit_learn(tmp_path: Path) -> None:
    classifier = trained("tfidf-svm", TWO)
    saved(classifier, tmp_path)
    program = (
        "import sys; from pathlib import Path; from spampipe.inference import prediction\n"
        "from spampipe.core.workspace import Workspace\n"
        "loaded = prediction.load(Workspace(Path(sys.argv[1])))\n"
        "print(loaded.classify(['WIN 9 pounds'], progress=False)[0].probability)\n"
        "assert not {'torch', 'sklearn', 'pandas', 'scipy.optimize', 'mlflow'} & set(sys.modules)"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    (expected,) = classifier.classify(["WIN 9 pounds"])
    assert (finished.stdout, finished.returncode) == (f"{expected.probability}\n", 0), finished.stderr


def refused(workspace: Workspace, path: Path) -> str:
    """The one line of the error, which begins with the file's name."""
    with pytest.raises(CheckpointError) as caught:
        catalogue.load(workspace)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and "\n" not in message
    assert "run `dvc" in message
    return message


def test_damaged_numbers_are_refused(tmp_path: Path) -> None:
    workspace = saved(trained("tfidf-svm", TWO), tmp_path)
    path = workspace.classifier_weights
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    assert "damaged, or not the tensors of its card" in refused(workspace, path)
    path.unlink()
    assert "no such file" in refused(workspace, path)


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ('"scale": ', '"scale": 1', "its hash is another"),
        ('"format": 3', '"format": 2', "another version"),
        ("{", "", "not a classifier's card"),
    ],
)
def test_an_edited_card_is_refused(before: str, after: str, complaint: str, tmp_path: Path) -> None:
    workspace = saved(trained("tfidf-svm", TWO), tmp_path)
    path = workspace.classifier_card
    path.write_text(path.read_text().replace(before, after, 1))
    assert complaint in refused(workspace, path)


def test_a_card_with_another_entry_is_refused(tmp_path: Path) -> None:
    """Even if its own hash is right, as that of another program's card might be."""
    classifier = trained("tfidf-svm", TWO)
    workspace = saved(classifier, tmp_path)
    card = classifier._card("0" * 64)
    for change, complaint in ({"features": "words"}, "features: "), ({"scale": -1.0}, "scale: "):
        save_card(card.model_copy(update=change), workspace.classifier_card)
        assert complaint in refused(workspace, workspace.classifier_card)


def test_python_trains_one_in_a_call(tmp_path: Path) -> None:
    split = texts("all", THREE, 40)
    chosen = params.load(ROOT / "params.yaml").changed({"model.name": "tfidf-svm"})
    run = spampipe.train(split.texts, [str(name) for name in THREE.names_of(split.labels)], params=chosen)
    assert run.metrics["test_accuracy"] == 1.0
    assert (len(run.steps), len(run.epochs), len(run.curves())) == (0, 1, 1)
    run.save(tmp_path)
    (answer,) = spampipe.load(tmp_path).classify(["agenda of meeting 3"], progress=False)
    assert (answer.label, answer.probability > 0.5) == ("meeting", True)
