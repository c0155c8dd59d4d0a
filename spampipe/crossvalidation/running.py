"""The cross-validation itself: each contender, fold by fold."""

import logging
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from spampipe.core.workspace import Workspace
from spampipe.crossvalidation import answers, kept
from spampipe.crossvalidation.answers import Answers
from spampipe.crossvalidation.contenders import Study
from spampipe.crossvalidation.corpus import Corpus
from spampipe.data.calibration import temper
from spampipe.data.labels import decide
from spampipe.data.tokens import TokenTable
from spampipe.evaluation import operating_point
from spampipe.evaluation.out_of_fold import OutOfFold
from spampipe.models import bases, compute, encoding
from spampipe.models.architectures import BaseChoice
from spampipe.params import Params

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """What the cross-validation of one contender came to.

    Attributes:
        name: the contender's.
        answers: for every message.
        cost: figures by name: `training_seconds` of all folds, `milliseconds_a_message` (median over folds),
            `parameters` and `trained_parameters`; null where they do not apply.
    """

    name: str
    answers: OutOfFold
    cost: Mapping[str, float | int | None]


class CrossValidation:
    """Contenders on the folds of one corpus; what several of them need is computed once.

    Args:
        study: the contenders.
        corpus: the messages.
        workspace: holds the stores of frozen layers' outputs and of finished folds.
    """

    def __init__(self, study: Study, corpus: Corpus, workspace: Workspace) -> None:
        self._study, self._corpus, self._workspace = study, corpus, workspace
        self._place = Workspace(workspace.root / ".spampipe", workspace.shared or workspace.root)  # without a model
        self._tokenized: dict[tuple[BaseChoice | None, str], TokenTable] = {}

    def run(self, name: str) -> Outcome:
        """Cross-validate one contender.

        Args:
            name: a contender's of the study.

        Raises:
            DataError: there are too few texts.
            DivergenceError: training does not converge.
            FetchError: a base model could not be had.
        """
        found = []
        for fold in range(self._corpus.folds):
            logger.info("%s, %s: fold %d of %d", self._study.name, name, fold + 1, self._corpus.folds)
            found.append(self._answers(name, fold))
        counts = found[0].parameters, found[0].trained
        cost = {
            "training_seconds": round(sum(each.seconds for each in found), 1),
            "milliseconds_a_message": round(statistics.median(each.milliseconds for each in found), 3),
            "parameters": counts[0],
            "trained_parameters": counts[1],
        }
        return Outcome(name, self._joined(name, dict(enumerate(found))), cost)

    def of_folds(self, name: str, folds: Iterable[int]) -> OutOfFold:
        """The answers of one contender for the messages that some of the folds test.

        Args:
            name: a contender's of the study.
            folds: their numbers, from 0, one or more.

        Raises:
            DataError: there are too few texts.
            DivergenceError: training does not converge.
            FetchError: a base model could not be had.
        """
        return self._joined(name, {fold: self._answers(name, fold) for fold in folds})

    def _answers(self, name: str, fold: int) -> Answers:
        contender, corpus = self._study.contenders[name], self._corpus
        if contender.members is not None:
            return answers.averaged([self._answers(member, fold) for member in contender.members])
        if contender.majority:
            return answers.of_majority(corpus, fold)
        if contender.pattern is not None:
            return answers.of_pattern(corpus, fold, contender.pattern)
        settings = self._study.params[name]
        made_of = {
            "corpus": corpus.digest,
            "fold": fold,
            "settings": settings.model_dump(include={"model", "train", "tokenize_pad"}, mode="json"),
            "machine": compute.describe(compute.chosen_device()),
        }
        return kept.obtain(self._workspace.fold_store, made_of, partial(self._trained, settings, fold))

    def _trained(self, settings: Params, fold: int) -> Answers:
        tokens = self._tokens(settings.model.base, settings.tokenize_pad.model_dump_json(), settings)
        return answers.of_model(self._corpus, fold, settings, tokens, self._place)

    def _tokens(self, choice: BaseChoice | None, how: str, settings: Params) -> TokenTable:
        """The tokens of all messages, made once for each base model and way of cutting."""
        if (choice, how) not in self._tokenized:
            corpus = self._corpus
            base = bases.cached_base(choice) if choice else Path()
            tables = {"train": pd.DataFrame({"Label": corpus.labels, "Text": corpus.texts})}
            found = encoding.tokenize(tables, corpus.label_set, choice, base, settings.tokenize_pad)
            self._tokenized[choice, how] = found.tables["train"]
        return self._tokenized[choice, how]

    def _joined(self, name: str, found: Mapping[int, Answers]) -> OutOfFold:
        """The answers of these folds, in the order of the messages."""
        corpus = self._corpus
        settings = self._study.params.get(name, self._study.common).evaluate
        probabilities = np.empty((len(corpus), len(corpus.label_set)))
        predicted = np.empty(len(corpus), np.int64)
        for fold, each in found.items():
            splits = corpus.splits(fold)
            labels = corpus.labels[splits["validation"]]
            point = operating_point.choose(each.validation, labels, corpus.label_set, settings)
            if point.warning:
                logger.warning("%s, fold %d: %s", name, fold + 1, point.warning)
            probabilities[splits["test"]] = tempered = temper(each.test, point.temperature)
            predicted[splits["test"]] = decide(tempered, corpus.label_set, point.threshold)
        folds = corpus.parts // 2
        at = np.isin(folds, list(found))
        known = corpus.rows[at], folds[at], corpus.groups[at], corpus.labels[at]
        return OutOfFold(corpus.label_set, *known, predicted[at], probabilities[at])
