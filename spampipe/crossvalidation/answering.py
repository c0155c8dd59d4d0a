"""Contenders' answers for messages that they were not trained on, kept once they are computed."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from spampipe.classifiers import prompt_template
from spampipe.core.workspace import Workspace
from spampipe.crossvalidation import answers, kept
from spampipe.crossvalidation.answers import Answers
from spampipe.crossvalidation.contenders import Study
from spampipe.crossvalidation.corpus import Corpus
from spampipe.crossvalidation.curve_settings import for_few
from spampipe.crossvalidation.draws import Draw
from spampipe.data.calibration import temper
from spampipe.data.labels import decide
from spampipe.data.tokens import TokenTable
from spampipe.evaluation import operating_point
from spampipe.evaluation.out_of_fold import OutOfFold
from spampipe.evaluation.settings import EvaluateParams
from spampipe.models import bases, compute, encoding
from spampipe.models.architectures import BaseChoice
from spampipe.params import Params


class Answering:
    """Contenders on messages of one corpus; what several of them need is computed once.

    Args:
        study: the contenders.
        corpus: the messages.
        workspace: holds the stores of frozen layers' outputs and of finished folds.
    """

    def __init__(self, study: Study, corpus: Corpus, workspace: Workspace) -> None:
        self._study, self._corpus, self._workspace = study, corpus, workspace
        self._place = Workspace(workspace.root / ".spampipe", workspace.shared or workspace.root)  # without a model
        self._tokenized: dict[tuple[BaseChoice | None, str], TokenTable] = {}

    def of(self, name: str, draw: Draw, least_steps: int = 1) -> Answers:
        """What one contender says of the validation and test messages, once it is trained.

        Args:
            name: a contender's of the study.
            draw: the messages.
            least_steps: how many steps a training on some of a fold's messages has at least; without effect on all.

        Raises:
            DataError: there are too few texts.
            DivergenceError: training does not converge.
            FetchError: a base model could not be had.
        """
        contender, corpus = self._study.contenders[name], self._corpus
        if contender.members is not None:
            return answers.averaged([self.of(member, draw, least_steps) for member in contender.members])
        if contender.majority:
            return answers.of_majority(corpus, draw.splits)
        if contender.pattern is not None:
            return answers.of_pattern(corpus, draw.splits, contender.pattern)
        settings = self._study.params[name]
        if draw.size is not None:
            settings = for_few(settings, draw.size, least_steps)
        made_of = {
            "corpus": corpus.digest,
            "settings": settings.model_dump(include={"model", "train", "tokenize_pad"}, mode="json"),
            "machine": compute.describe(compute.chosen_device()),
        }
        made_of |= draw.ingredients() | _template(settings)
        return kept.obtain(self._workspace.fold_store, made_of, partial(self._trained, settings, draw))

    def _trained(self, settings: Params, draw: Draw) -> Answers:
        tokens = self._tokens(settings.model.base, settings.tokenize_pad.model_dump_json(), settings)
        timed = draw.size is None
        return answers.of_model(self._corpus, draw.splits, settings, tokens, self._place, timed=timed)

    def _tokens(self, choice: BaseChoice | None, how: str, settings: Params) -> TokenTable:
        """The tokens of all messages, made once for each base model and way of cutting."""
        if (choice, how) not in self._tokenized:
            corpus = self._corpus
            base = bases.cached_base(choice) if choice else Path()
            tables = {"train": pd.DataFrame({"Label": corpus.labels, "Text": corpus.texts})}
            found = encoding.tokenize(tables, corpus.label_set, choice, base, settings.tokenize_pad)
            self._tokenized[choice, how] = found.tables["train"]
        return self._tokenized[choice, how]


def decided(corpus: Corpus, draw: Draw, found: Answers, settings: EvaluateParams) -> tuple[OutOfFold, str]:
    """Label the test messages as the validation messages suggest.

    Args:
        corpus: the messages.
        draw: which of them are which.
        found: the probabilities of these.
        settings: how the threshold and the temperature are chosen.

    Returns:
        The test messages' answers, in the order of the corpus; and what the validation messages could not tell, on
        one line, empty if nothing.
    """
    test, validation = draw.splits["test"], draw.splits["validation"]
    point = operating_point.choose(found.validation, corpus.labels[validation], corpus.label_set, settings)
    probabilities = temper(found.test, point.temperature)
    predicted = decide(probabilities, corpus.label_set, point.threshold)
    folds = np.full(len(test), draw.fold)
    rows, groups, labels = (values[test] for values in (corpus.rows, corpus.groups, corpus.labels))
    return OutOfFold(corpus.label_set, rows, folds, groups, labels, predicted, probabilities), point.warning


def _template(settings: Params) -> dict[str, Any]:
    """The question that a base model is asked, as an ingredient; its path alone does not say it."""
    model = settings.model
    if model.base is None or model.trainable != "prompt":
        return {}
    return {"template": prompt_template.load(Path(model.prompt_template)).model_dump(mode="json")}
