"""What `spampipe tune` searches: settings and their values, and what tells the better ones; read from a file."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from spampipe.core import section
from spampipe.core.errors import ParamsError
from spampipe.core.hints import closest
from spampipe.core.section import Count, Section, Seed
from spampipe.evaluation import metrics
from spampipe.evaluation.filter_metrics import FILTER_METRICS
from spampipe.params import Params

By = Literal["validation", "crossvalidation"]
Direction = Literal["minimize", "maximize"]

PRUNE_ABOVE = "train.prune_above"
VALIDATION_LOSS = "validation_loss"
_SECTIONS = ("model", "train", "tokenize_pad", "evaluate")  # others decide which messages there are
_HELD_OUT = ("test_", "leftover_")
_DEFAULTS: dict[By, str] = {"validation": VALIDATION_LOSS, "crossvalidation": "log_loss"}
_DIRECTIONS: dict[str, Direction] = {"lower": "minimize", "higher": "maximize"}

_Number = Annotated[int | float, Field(allow_inf_nan=False)]


class Dimension(Section):
    """The values of one setting: `choices`, or those from `low` to `high`, whole numbers if both are.

    Attributes:
        low: the lowest value.
        high: the highest value.
        log: whether values are drawn evenly on a logarithmic scale.
        step: how far values are apart; None: 1 of whole numbers, and any of others.
        choices: the values, in no order.
    """

    low: _Number | None = None
    high: _Number | None = None
    log: bool = False
    step: Annotated[_Number, Field(gt=0)] | None = None
    choices: Annotated[list[str | int | float | bool | None], Field(min_length=2)] | None = None

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        if self.choices is not None:
            if self.model_fields_set != {"choices"}:
                raise ValueError("give choices, or low and high, only one of the two")
            return self
        if self.low is None or self.high is None:
            raise ValueError("give choices, or low and high")
        if self.low >= self.high:
            raise ValueError(f"low {self.low} must be less than high {self.high}")
        if self.log and (self.low <= 0 or self.step is not None):
            raise ValueError("log needs a low above 0, and no step")
        if self.step is not None:
            if self.whole and not isinstance(self.step, int):
                raise ValueError(f"step {self.step} must be whole, as low and high are")
            low, high, step = (Decimal(str(each)) for each in (self.low, self.high, self.step))
            if (high - low) % step:
                raise ValueError(f"high must be low and a multiple of step {self.step}")
        return self

    @property
    def whole(self) -> bool:
        """Whether the values are whole numbers."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def limits(self) -> list[Any]:
        """The values that no other one goes beyond; all of the choices."""
        return self.choices if self.choices is not None else [self.low, self.high]


class Objective(Section):
    """What tells the better trial.

    Attributes:
        metric: its name; None: the loss.
        by: validation: of the pipeline's own split; crossvalidation: of all messages, each tested in one fold.
        direction: only for a metric of which neither higher nor lower values are known to be better.
    """

    metric: str | None = None
    by: By = "validation"
    direction: Direction | None = None


class _Document(Section):
    """A search's file."""

    settings: dict[str, Any] = Field(default_factory=dict)
    search: Annotated[dict[str, Dimension], Field(min_length=1)]
    objective: Objective = Objective()
    trials: Count
    seed: Seed
    startup_trials: Count
    pruning: Literal["median", "none"]


@dataclass(frozen=True)
class Search:
    """A search over settings.

    Attributes:
        settings: those that hold for all trials and are not those of params.yaml, by `section.key`.
        common: all settings that hold for all trials, but for those that are searched.
        dimensions: the values of each searched setting, by `section.key`, in the file's order.
        metric: what tells the better trial.
        by: how it is computed.
        direction: which values of it are better.
        trials: how many.
        seed: of the sampler.
        startup_trials: how many are drawn at random, and finished before one is pruned.
        prunes: whether a trial ends early that is worse than the median of the finished ones.
    """

    settings: dict[str, Any]
    common: Params
    dimensions: dict[str, Dimension]
    metric: str
    by: By
    direction: Direction
    trials: int
    seed: int
    startup_trials: int
    prunes: bool

    def decisive(self) -> dict[str, Any]:
        """What decides the trials, as JSON values; their number does not, for more can follow."""
        found: dict[str, Any] = {
            "settings": self.common.recorded(),
            "search": {name: each.model_dump() for name, each in self.dimensions.items()},
            "objective": [self.metric, self.by, self.direction],
            "sampling": [self.seed, self.startup_trials, self.prunes],
        }
        if self.by == "crossvalidation":
            found["crossvalidate"] = self.common.crossvalidate.model_dump()
        return found


def load(path: Path, defaults: Params) -> Search:
    """Read a search.

    Args:
        path: the YAML file, such as experiments/tune.yaml.
        defaults: the settings that the file's are put on top of.

    Raises:
        ParamsError: one line that names the file, the key and the remedy.
    """
    document = section.read(path, _Document, "experiments/tune.yaml is one")
    try:
        for key in (*document.settings, *document.search):
            _require_free(key)
        common = defaults.changed({**document.settings, PRUNE_ABOVE: None})
        for key, value in _values(document.search):
            common.changed({key: value})
        metric, direction = _aim(document.objective)
    except ParamsError as error:
        raise ParamsError(f"{path}: {error}") from error
    return Search(
        settings=document.settings,
        common=common,
        dimensions=document.search,
        metric=metric,
        by=document.objective.by,
        direction=direction,
        trials=document.trials,
        seed=document.seed,
        startup_trials=document.startup_trials,
        prunes=document.pruning == "median",
    )


def _values(searched: dict[str, Dimension]) -> Iterator[tuple[str, Any]]:
    for key, dimension in searched.items():
        if key.partition(".")[0] not in _SECTIONS:
            raise ParamsError(f"search: {key}: trials must have the same messages; search in {', '.join(_SECTIONS)}")
        yield from ((key, value) for value in dimension.limits)


def _require_free(key: str) -> None:
    if key == PRUNE_ABOVE:
        raise ParamsError(f"{key}: `spampipe tune` chooses it itself; leave it out, and set pruning")


def _aim(objective: Objective) -> tuple[str, Direction]:
    """The metric's name, and which values are better."""
    name = objective.metric or _DEFAULTS[objective.by]
    known: dict[str, str]
    if objective.by == "validation":
        entries = (*metrics.TRAINING, *metrics.METRICS)
        known = {each.name: each.better for each in entries if not each.name.startswith(_HELD_OUT)}
    else:
        known = {each.name: each.better for each in FILTER_METRICS}
    if name.startswith(_HELD_OUT):
        names = ", ".join(known)
        raise ParamsError(f"objective.metric: {name}: those messages are not to choose settings by; take of {names}")
    if name not in known:
        raise ParamsError(f"objective.metric: {name}: no such metric by {objective.by}; {closest(name, known)}")
    better = known[name]
    direction = _DIRECTIONS.get(better, objective.direction)
    if direction is None:
        raise ParamsError(f"objective.direction: missing; say whether to minimize or maximize {name}")
    if objective.direction not in (None, direction):
        raise ParamsError(f"objective.direction: {better} values of {name} are better; leave it out")
    return name, direction
