"""The settings in params.yaml: read, checked, frozen. No default lives here."""

import difflib
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from spampipe import paths
from spampipe.architectures import BASE_MODELS
from spampipe.errors import ParamsError, one_line

# `dvc exp run -S train.learning_rate=0.00002` rewrites the value as 2e-05. YAML 1.2 reads that as a
# number, PyYAML (YAML 1.1 wants 2.0e-5) as a string.
_SCIENTIFIC = re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+")


def _number(value: object) -> object:
    return float(value) if isinstance(value, str) and _SCIENTIFIC.fullmatch(value) else value


_Real = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]
_Count = Annotated[int, Field(ge=1)]
_Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]  # what NumPy accepts as a seed


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class DownloadParams(_Section):
    """Which messages to start from."""

    dataset: Annotated[str, Field(min_length=1)]


class BalanceParams(_Section):
    """How to even the classes out."""

    strategy: Literal["undersample", "none", "oversample"]
    seed: _Seed


class SplitParams(_Section):
    """How to deal messages into train, validation and test."""

    train_fraction: Annotated[_Real, Field(gt=0, lt=1)]
    validation_fraction: Annotated[_Real, Field(gt=0, lt=1)]
    seed: _Seed
    group_duplicates: bool

    @model_validator(mode="after")
    def _leaves_a_test_set(self) -> Self:
        if self.train_fraction + self.validation_fraction > 1 - 1e-9:
            raise ValueError("train_fraction and validation_fraction leave no test set; lower one of them")
        return self


class TokenizePadParams(_Section):
    """How long a message may be, in tokens."""

    max_length: Literal["longest_train", "model_context"] | _Count


class ModelParams(_Section):
    """The base model, what of it is trained, and where its answer is read."""

    name: Literal["smollm2-135m", "gpt2-small", "gpt2-medium", "gpt2-large", "gpt2-xl", "gpt2-tiny"]
    weights: Literal["pretrained", "random"]
    trainable: Literal["last_layer", "last_block", "last_two_blocks", "all"]
    position: Literal["last", "last_real", "first", "mean"]
    causal: bool
    dropout: Annotated[_Real, Field(ge=0, lt=1)]

    @model_validator(mode="after")
    def _weights_exist(self) -> Self:
        if self.weights == "pretrained" and BASE_MODELS[self.name].weights_format is None:
            raise ValueError(f"{self.name} has no pretrained weights; set model.weights to random")
        return self


class TrainParams(_Section):
    """The training loop."""

    seed: _Seed
    epochs: _Count
    batch_size: _Count
    accumulation_steps: _Count
    learning_rate: Annotated[_Real, Field(gt=0)]
    weight_decay: Annotated[_Real, Field(ge=0)]
    eval_every_steps: _Count
    eval_batches: _Count
    precision: Literal["fp32", "bf16"]
    group_by_length: bool
    activation_checkpointing: bool


class EvaluateParams(_Section):
    """How probabilities become labels."""

    threshold: Annotated[_Real, Field(gt=0, lt=1)]
    batch_size: _Count


class PlotParams(_Section):
    """The size of the figures."""

    width_inches: Annotated[_Real, Field(gt=0, le=100)]
    height_inches: Annotated[_Real, Field(gt=0, le=100)]
    dots_per_inch: Annotated[int, Field(ge=10, le=2400)]


class CheckParams(_Section):
    """What `spampipe check` insists on: bounds of metrics, and when a loss is taken for real."""

    minimum: dict[str, _Real]
    maximum: dict[str, _Real]
    significance: Annotated[_Real, Field(gt=0, lt=1)]


class Params(_Section):
    """All settings, one section a stage plus the model and the quality gate."""

    download: DownloadParams
    balance: BalanceParams
    split: SplitParams
    tokenize_pad: TokenizePadParams
    model: ModelParams
    train: TrainParams
    evaluate: EvaluateParams
    plot: PlotParams
    check: CheckParams

    @model_validator(mode="after")
    def _fits_the_context(self) -> Self:
        context = BASE_MODELS[self.model.name].config.context_length
        wanted = self.tokenize_pad.max_length
        if isinstance(wanted, int) and wanted > context:
            raise ValueError(
                f"tokenize_pad.max_length is {wanted}, but {self.model.name} reads at most {context} tokens; "
                f"set it to {context} or less, or to model_context"
            )
        return self


def load(path: Path = paths.PARAMS) -> Params:
    """Read and check every section.

    Args:
        path: the YAML file.

    Raises:
        ParamsError: one line that names the file, the key and the remedy.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ParamsError(f"{path}: no such file; run from the repository's top folder") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ParamsError(f"{path}: not YAML: {one_line(error)}") from error
    if not isinstance(document, dict):
        raise ParamsError(f"{path}: expected the sections {', '.join(Params.model_fields)}")
    try:
        return Params.model_validate(document)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        others = len({problem["loc"][:2] for problem in problems}) - 1  # a union has one problem a branch
        more = f" (and {others} more)" if others else ""
        raise ParamsError(f"{path}: {_explain(problems[0])}{more}") from error


def section(name: str, values: dict[str, Any]) -> dict[str, Any]:
    """One section's values as `Params.model_dump` has them, such as numbers that YAML 1.1 takes for text."""
    model: Any = Params.model_fields[name].annotation
    return dict(model.model_validate(values).model_dump())


def _explain(problem: ErrorDetails) -> str:
    """One problem as `key: what is wrong; what to do`."""
    location = [str(part) for part in problem["loc"]]
    key = ".".join(location[:2])  # pydantic appends the branch of a union as a third part
    match problem["type"]:
        case "extra_forbidden":
            return f"{key}: unknown key; {_did_you_mean(location)}"
        case "missing":
            return f"{key}: missing; add it (see the committed params.yaml for its meaning and default)"
        case "value_error":
            message = str(problem["ctx"]["error"])
            return f"{key}: {message}" if key else message
    message = problem["msg"].replace("Input should be", "must be")
    if location[:2] == ["tokenize_pad", "max_length"]:
        message = "must be longest_train, model_context or a whole number from 1 on"
    return f"{key}: {message}, but is {problem['input']!r}; change it"


def _did_you_mean(location: list[str]) -> str:
    fields = Params.model_fields
    known: list[str] = list(fields)
    if len(location) > 1:
        section: Any = fields[location[0]].annotation
        known = list(section.model_fields)
    close = difflib.get_close_matches(location[-1], known, n=1)
    return f"did you mean {close[0]}?" if close else f"the known ones are {', '.join(known)}"
