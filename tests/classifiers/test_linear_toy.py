"""A new kind of classifier is one file in classifiers/ and one line in its catalogue; here, a small linear model."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.project import ROOT

KIND = '''
"""TF-IDF of words, and logistic regression."""

import json

import numpy as np
from safetensors.numpy import load_file, save_file
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from spampipe.classifiers.text_classifier import TextClassifier
from spampipe.core import files
from spampipe.data.labels import EVEN, LabelSet, decide
from spampipe.training.training_log import Record


class WordsClassifier(TextClassifier):
    def __init__(self, labels, words, arrays):
        self.labels, self._words, self._arrays = labels, words, arrays

    @classmethod
    def create(cls, model, train, labels, max_length, workspace, truncate="tail"):
        return cls(labels, {}, {})

    def fit(self, train, validation, listen):
        vectorizer = TfidfVectorizer()
        model = LogisticRegression(C=100.0).fit(vectorizer.fit_transform(train.texts), train.labels)
        self._words = {word: int(column) for word, column in vectorizer.vocabulary_.items()}
        weights = np.vstack([-model.coef_, model.coef_]) / 2 if len(self.labels) == 2 else model.coef_
        bias = np.hstack([-model.intercept_, model.intercept_]) / 2 if len(self.labels) == 2 else model.intercept_
        self._arrays = {"idf": vectorizer.idf_, "weights": np.ascontiguousarray(weights), "bias": bias}
        shares = [
            float((decide(self.probabilities(split.texts), self.labels, EVEN) == split.labels).mean())
            for split in (train, validation)
        ]
        record = Record("accuracy", 0, 1.0, len(train), 0, 0.0, *shares)
        listen(record)
        return [record]

    def raw_probabilities(self, texts, tokens=None, *, batch_size=32, name=None):
        vectorizer = TfidfVectorizer(vocabulary=self._words)
        vectorizer.idf_ = self._arrays["idf"]
        scores = vectorizer.transform(texts) @ self._arrays["weights"].T + self._arrays["bias"]
        grown = np.exp(scores - scores.max(axis=1, keepdims=True))
        return grown / grown.sum(axis=1, keepdims=True)

    def describe(self):
        return {"base": "words", "labels": self.labels.model_dump(mode="json"), "words": self._words}

    def save(self, workspace):
        with files.replacing(workspace.classifier_weights) as temporary:
            save_file(self._arrays, temporary)
        files.write_json(workspace.classifier_card, self.describe())

    @classmethod
    def load(cls, workspace, base=None):
        card = json.loads(workspace.classifier_card.read_text(encoding="utf-8"))
        labels = LabelSet.model_validate_json(json.dumps(card["labels"]))
        return cls(labels, card["words"], load_file(workspace.classifier_weights))
'''
LINE = '"words": ("words", "WordsClassifier"), '

PROGRAM = """
import json, sys
from pathlib import Path
import spampipe
from spampipe import params
from spampipe.classifiers import catalogue, decision
from spampipe.classifiers.text_classifier import Split, TextClassifier
from spampipe.core.workspace import Workspace
from spampipe.data.calibration import temper
from spampipe.data.labels import LabelSet
import numpy as np

assert Path(spampipe.__file__).is_relative_to(Path(sys.argv[1])), spampipe.__file__
labels, texts, questions = json.loads(sys.argv[2])
workspace = Workspace(Path(sys.argv[1]))
settings = params.load(workspace.params)
known = LabelSet.model_validate_json(json.dumps(labels))
classes = np.array([number for number, group in enumerate(texts) for _ in group])
split = Split("train", [text for group in texts for text in group], classes)
created = catalogue.kind_of(settings.model.name).create(settings.model, settings.train, known, 0, workspace)
assert isinstance(created, TextClassifier)
heard = []
records = created.fit(split, split, heard.append)
assert heard == records and records[-1].train == 1.0
assert created.training_flops(8, 80) is None
created.save(workspace)
decision.save(workspace.decision, decision.Decision(threshold=0.75, temperature=2.0))
loaded = catalogue.load(workspace)
assert (loaded.threshold, loaded.labels, loaded.describe()) == (0.75, known, created.describe())
assert np.array_equal(loaded.raw_probabilities(questions), created.probabilities(questions))
assert np.array_equal(loaded.probabilities(questions), temper(created.probabilities(questions), 2.0))
loaded.decide_by(decision.UNDECIDED)
answers = loaded.classify(questions, progress=False)
assert "torch" not in sys.modules  # a kind that has no use for it pays nothing for it
print(json.dumps([[answer.label, answer.probability] for answer in answers]))
"""

TEXTS = [
    ["see you at dinner", "dinner at home tonight", "home late, see you tonight"],
    ["claim your prize now", "you won a prize, call now", "call now to claim"],
    ["the meeting is at nine", "agenda of the meeting", "nine o'clock agenda"],
]
QUESTIONS = ["dinner tonight", "claim a prize", "meeting agenda"]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A copy of the package with one file and one line more, and settings that name the new kind."""
    shutil.copytree(ROOT / "spampipe", tmp_path / "spampipe", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "spampipe/classifiers/words.py").write_text(KIND)
    catalogue = tmp_path / "spampipe/classifiers/catalogue.py"
    source = catalogue.read_text()
    opening = "_WITHOUT_BASE: dict[str, tuple[str, str]] = {"
    assert opening in source
    catalogue.write_text(source.replace(opening, opening + LINE))
    settings = (ROOT / "params.yaml").read_text()
    changed = settings.replace("name: smollm2-135m", "name: words").replace("weights: pretrained", "weights: random")
    (tmp_path / "params.yaml").write_text(changed)
    return tmp_path


@pytest.mark.parametrize(("kinds", "positive"), [(2, "prize"), (3, None)])
def test_a_linear_model_costs_one_file_and_one_line(workspace: Path, kinds: int, positive: str | None) -> None:
    names = ["dinner", "prize", "meeting"][:kinds]
    given = json.dumps([{"names": names, "positive": positive}, TEXTS[:kinds], QUESTIONS[:kinds]])
    command = [sys.executable, "-c", PROGRAM, str(workspace), given]
    environment = os.environ | {"PYTHONPATH": str(workspace), "PYTHONSAFEPATH": "1"}
    finished = subprocess.run(command, env=environment, cwd=workspace, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    answers = json.loads(finished.stdout)
    assert [label for label, _ in answers] == names
    assert all((probability > 0.5) == (positive in (None, label)) for label, probability in answers)
