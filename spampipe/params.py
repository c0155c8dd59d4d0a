"""The settings in params.yaml: read, checked, frozen. No default lives here."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from spampipe.classifiers.settings import ModelParams
from spampipe.core import settings, yaml12
from spampipe.core.errors import ParamsError
from spampipe.core.hints import closest
from spampipe.core.section import Real, Section
from spampipe.core.workspace import Workspace
from spampipe.core.yaml12 import YamlError
from spampipe.data.settings import BalanceParams, CrossvalidateParams, DownloadParams, SplitParams, TokenizePadParams
from spampipe.evaluation import metrics
from spampipe.evaluation.settings import EvaluateParams
from spampipe.models.catalogue import BASE_MODELS
from spampipe.training.settings import TrainParams

_SEVERAL_TYPES = {  # settings that pydantic checks as a union, one problem a branch
    "tokenize_pad.max_length": "must be longest_train, model_context or a whole number from 1 on",
    "model.causal": "must be true, false or auto",
    "evaluate.threshold": "must be more than 0 and less than 1, or a rule such as {max_false_positive_rate: 0.001}",
}
_DECIDE_NO_RESULT = {"check", "crossvalidate"}
_MAX_PIXELS = 10_000  # of a figure's side: 400 MB of memory


def _known_metrics(bounds: dict[str, float]) -> dict[str, float]:
    for name in bounds:
        if not metrics.is_metric(name):
            raise ValueError(f"{Workspace().evaluate_metrics} has no {name}; {closest(name, metrics.NAMES)}")
    return bounds


_Bounds = Annotated[dict[str, Real], AfterValidator(_known_metrics)]


class PlotParams(Section):
    """The size of the figures."""

    width_inches: Annotated[Real, Field(ge=1, le=100)]
    height_inches: Annotated[Real, Field(ge=1, le=100)]
    dots_per_inch: Annotated[int, Field(ge=10, le=2400)]

    @model_validator(mode="after")
    def _fits_into_memory(self) -> Self:
        pixels = round(max(self.width_inches, self.height_inches) * self.dots_per_inch)
        if pixels > _MAX_PIXELS:
            raise ValueError(
                f"figures would be {pixels} pixels long, more than {_MAX_PIXELS}; lower the inches or dots_per_inch"
            )
        return self


class CheckParams(Section):
    """What `spampipe check` insists on: bounds of metrics, and when a loss is taken for real."""

    minimum: _Bounds
    maximum: _Bounds
    significance: Annotated[Real, Field(gt=0, lt=1)]


class Params(Section):
    """All settings, one section a stage plus the model, the quality gate and the cross-validation."""

    download: DownloadParams
    balance: BalanceParams
    split: SplitParams
    tokenize_pad: TokenizePadParams
    model: ModelParams
    train: TrainParams
    evaluate: EvaluateParams
    plot: PlotParams
    check: CheckParams
    crossvalidate: CrossvalidateParams

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read and check every section.

        Args:
            path: the YAML file.

        Raises:
            ParamsError: one line that names the file, the key and the remedy.
        """
        try:
            document = yaml12.load(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ParamsError(f"{path}: no such file; run from the repository's top folder") from None
        except (YamlError, UnicodeDecodeError) as error:
            raise ParamsError(f"{path}: cannot be read: {error}") from error
        return cls._checked(document, f"{path}: ")

    def changed(self, values: Mapping[str, Any]) -> Self:
        """The settings with other values, checked as a whole.

        Args:
            values: by `section.key`, such as `{"train.epochs": 1}`.

        Raises:
            ParamsError: a key is unknown, or a value cannot be used.
        """
        document: dict[str, dict[str, Any]] = self.model_dump()
        for key, value in values.items():
            section, _, name = key.partition(".")
            if name not in document.get(section, {}):
                raise ParamsError(f"{key}: unknown key; {closest(key, settings.flat(self.model_dump()))}")
            document[section][name] = value
        return self._checked(document, "")

    @classmethod
    def _checked(cls, document: object, place: str) -> Self:
        """Settings from what a YAML file holds; `place` begins the errors."""
        if not isinstance(document, dict):
            raise ParamsError(f"{place}expected the sections {', '.join(cls.model_fields)}")
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            problems = error.errors(include_url=False)
            others = len({_key(problem) for problem in problems}) - 1  # a union has one problem a branch
            more = f" (and {others} more)" if others else ""
            raise ParamsError(f"{place}{_explain(problems[0])}{more}") from error

    @property
    def title(self) -> str:
        """What to call a result of these settings."""
        if self.model.base is None:
            return self.model.name
        return f"{self.model.title} lr={self.train.learning_rate:g} seed={self.train.seed}"

    def recorded(self) -> dict[str, Any]:
        """The settings that decide a result, by `section.key`; no stage reads the others."""
        return settings.flat(self.model_dump(exclude=_DECIDE_NO_RESULT))

    @model_validator(mode="after")
    def _fits_the_context(self) -> Self:
        base = BASE_MODELS.get(self.model.base.name) if self.model.base else None
        wanted = self.tokenize_pad.max_length
        if base is not None and isinstance(wanted, int) and wanted > (context := base.config.context_length):
            raise ValueError(
                f"tokenize_pad.max_length is {wanted}, but {self.model.name} reads at most {context} tokens; "
                f"set it to {context} or less, or to model_context"
            )
        return self


def load(path: Path) -> Params:
    """`Params.load`, as the stages call it.

    Args:
        path: the YAML file.
    """
    return Params.load(path)


def _key(problem: ErrorDetails) -> str:
    """`section.key`, or `section.key.name`, without the branch of a union that pydantic appends."""
    location = [str(part) for part in problem["loc"]]
    setting = ".".join(location[:2])
    return setting if setting in _SEVERAL_TYPES else ".".join(location[:3])


def _explain(problem: ErrorDetails) -> str:
    """One problem as `key: what is wrong; what to do`."""
    key = _key(problem)
    match problem["type"]:
        case "extra_forbidden":
            return f"{key}: unknown key; {_did_you_mean(key.split('.'))}"
        case "missing":
            return f"{key}: missing; add it (see the committed params.yaml for its meaning and default)"
        case "value_error":
            message = str(problem["ctx"]["error"])
            return f"{key}: {message}" if key else message
    message = _SEVERAL_TYPES.get(key) or problem["msg"].replace("Input should be", "must be")
    return f"{key}: {message}, but is {problem['input']!r}; change it"


def _did_you_mean(location: list[str]) -> str:
    fields = Params.model_fields
    if len(location) == 1:
        return closest(location[0], fields)
    section: Any = fields[location[0]].annotation
    return closest(location[1], section.model_fields)
