"""Contenders against the number of training messages: each size is drawn once from every fold."""

import logging
from dataclasses import replace

import numpy as np

from spampipe.core.errors import ParamsError
from spampipe.core.workspace import Workspace
from spampipe.crossvalidation import draws
from spampipe.crossvalidation.answering import Answering, decided
from spampipe.crossvalidation.contenders import Study
from spampipe.crossvalidation.corpus import Corpus
from spampipe.crossvalidation.curve_outputs import Point
from spampipe.crossvalidation.curve_settings import ALL, NO_MESSAGES, CurveSettings, asks_only
from spampipe.crossvalidation.draws import Draw
from spampipe.evaluation import filter_metrics, ranking
from spampipe.evaluation.intervals import Floats
from spampipe.evaluation.out_of_fold import OutOfFold

logger = logging.getLogger(__name__)

_MISSED = "false_negative_rate_at_fpr_0.005"


class LearningCurve:
    """Trainings on draws from the folds of one corpus; on all messages, those of the cross-validation.

    Args:
        study: the contenders, with a learning curve.
        corpus: the messages.
        workspace: holds the stores of frozen layers' outputs and of finished folds.

    Raises:
        ParamsError: the study has no learning curve.
    """

    def __init__(self, study: Study, corpus: Corpus, workspace: Workspace) -> None:
        if study.curve is None:
            raise ParamsError(f"{study.name}: has no section learning_curve; add one, as studies/sms.yaml has it")
        self._study, self._corpus = study, corpus
        self._curve: CurveSettings = study.curve
        self._answering = Answering(study, corpus, workspace)
        self._fewest = min(len(corpus.splits(fold)["train"]) for fold in range(corpus.folds))

    @property
    def contenders(self) -> list[str]:
        """The contenders that the curve is about."""
        return self._curve.contenders

    def run(self, name: str) -> list[Point]:
        """All points of one contender.

        Sizes that a fold has too few messages for are left out. A prompt is measured at one size: the smallest that
        has its examples, or 0 if it has none, and nothing is fitted to messages either.

        Args:
            name: a contender's of the study.

        Raises:
            DataError: there are too few texts.
            DivergenceError: training does not converge.
            FetchError: a base model could not be had.
            ParamsError: no size will do.
        """
        settings = self._study.params.get(name, self._study.common)
        found = []
        for size in self._sizes_of(name):
            for fold in range(self._corpus.folds):
                logger.info(
                    "%s, %s: size %s, fold %d of %d", self._study.name, name, size, fold + 1, self._corpus.folds
                )
                draw = self._draw(fold, size, settings.crossvalidate.seed)
                answers = self._answering.of(name, draw, self._curve.least_steps)
                tested, _ = decided(self._corpus, draw, answers, settings.evaluate)
                found.append(_point(name, NO_MESSAGES if self._learns_nothing(name) else size, draw, tested))
        return found

    def _draw(self, fold: int, size: int | str, seed: int) -> Draw:
        if isinstance(size, int):
            return draws.drawn(self._corpus, fold, size, seed)
        return draws.whole(self._corpus, fold)

    def _sizes_of(self, name: str) -> list[int | str]:
        """The sizes at which a contender is trained."""
        known = [size for size in self._curve.sizes if not isinstance(size, int) or size <= self._fewest]
        if left_out := [str(size) for size in self._curve.sizes if size not in known]:
            logger.warning("size %s: left out, as a fold has %d training messages", ", ".join(left_out), self._fewest)
        asked = name in self._study.params and asks_only(self._study.params[name])
        shots = self._study.params[name].model.prompt_shots if asked else 0
        enough = [size for size in known if not isinstance(size, int) or size >= shots]
        if not enough:
            needed = f"the {shots} examples of {name}" if known else f"a fold, which has {self._fewest} messages"
            raise ParamsError(f"{self._study.name}: learning_curve.sizes: none is right for {needed}; add {ALL}")
        return enough[:1] if asked else enough

    def _learns_nothing(self, name: str) -> bool:
        """Whether a contender is a prompt without examples, to which nothing is fitted."""
        settings = self._study.params.get(name)
        if settings is None or not asks_only(settings):
            return False
        return settings.model.prompt_shots == 0 and not settings.model.prompt_calibrate


def _point(name: str, size: int | str, draw: Draw, tested: OutOfFold) -> Point:
    """What the answers for the test messages of a draw are worth."""
    messages = 0 if size == NO_MESSAGES else len(draw.splits["train"])
    known = filter_metrics.of_labels(tested.label_set)
    missed = float(known[_MISSED].compute(tested, _each_once(tested))[0]) if _MISSED in known else None
    accuracy = float(known["accuracy"].compute(tested, _each_once(tested))[0])
    return Point(name, str(size), draw.fold, messages, accuracy, mean_average_precision(tested), missed)


def mean_average_precision(found: OutOfFold) -> float:
    """The average precision of the positive label; without one, the mean over the labels that occur.

    Args:
        found: the answers; of a label against the rest, its probability is the score.
    """
    labels = found.label_set
    present = np.unique(labels.names_of(found.labels)) if labels.positive is None else [labels.positive]
    each = [labels.model_copy(update={"positive": str(name)}) for name in present]
    values = [ranking.average_precision(replace(found, label_set=one), _each_once(found))[0] for one in each]
    return float(np.mean(values))


def _each_once(found: OutOfFold) -> Floats:
    return np.ones((1, len(found)))
