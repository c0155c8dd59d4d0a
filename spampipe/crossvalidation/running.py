"""The cross-validation itself: each contender, fold by fold."""

import logging
import statistics
from collections.abc import Iterable, Mapping

import numpy as np

from spampipe.core.workspace import Workspace
from spampipe.crossvalidation import draws
from spampipe.crossvalidation.answering import Answering, decided
from spampipe.crossvalidation.answers import Answers
from spampipe.crossvalidation.contenders import Study
from spampipe.crossvalidation.corpus import Corpus
from spampipe.crossvalidation.outputs import Outcome
from spampipe.evaluation.out_of_fold import OutOfFold

logger = logging.getLogger(__name__)


class CrossValidation:
    """Contenders on the folds of one corpus; what several of them need is computed once.

    Args:
        study: the contenders.
        corpus: the messages.
        workspace: holds the stores of frozen layers' outputs and of finished folds.
    """

    def __init__(self, study: Study, corpus: Corpus, workspace: Workspace) -> None:
        self._study, self._corpus = study, corpus
        self._answering = Answering(study, corpus, workspace)

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
            found.append(self._answering.of(name, draws.whole(self._corpus, fold)))
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
        found = {fold: self._answering.of(name, draws.whole(self._corpus, fold)) for fold in folds}
        return self._joined(name, found)

    def _joined(self, name: str, found: Mapping[int, Answers]) -> OutOfFold:
        """The answers of these folds, in the order of the messages."""
        corpus = self._corpus
        settings = self._study.params.get(name, self._study.common).evaluate
        probabilities = np.empty((len(corpus), len(corpus.label_set)))
        predicted = np.empty(len(corpus), np.int64)
        for fold, each in found.items():
            draw = draws.whole(corpus, fold)
            tested, warning = decided(corpus, draw, each, settings)
            if warning:
                logger.warning("%s, fold %d: %s", name, fold + 1, warning)
            probabilities[draw.splits["test"]], predicted[draw.splits["test"]] = (
                tested.probabilities,
                tested.predicted,
            )
        folds = corpus.parts // 2
        at = np.isin(folds, list(found))
        known = corpus.rows[at], folds[at], corpus.groups[at], corpus.labels[at]
        return OutOfFold(corpus.label_set, *known, predicted[at], probabilities[at])
