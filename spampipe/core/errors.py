"""The errors a user can cause and cure; each prints as one line."""


class SpampipeError(Exception):
    """Base of every expected error; its message names the file, row or key and the remedy."""


class RepositoryError(SpampipeError):
    """A command is not run in a repository of the pipeline."""


class ParamsError(SpampipeError):
    """A setting in params.yaml is missing, unknown or out of range."""


class SettingError(SpampipeError):
    """An environment variable of this project cannot be used as it is set."""


class DataError(SpampipeError):
    """A message file is damaged, or holds too little to work with."""


class FetchError(SpampipeError):
    """A pinned file could not be had from any of its sources."""


class WeightsError(SpampipeError):
    """A weight file does not fit the architecture it should fill."""


class CheckpointError(SpampipeError):
    """A saved classifier, or the base model it needs, is missing or damaged."""


class DivergenceError(SpampipeError):
    """The training loss is no longer a number."""


class StoreError(SpampipeError):
    """The MLflow store cannot be reached, holds nothing of the kind, or cannot be shown."""


class QualityError(SpampipeError):
    """A result is not what it must be."""


def one_line(error: Exception, longest: int | None = None) -> str:
    """What an error says, on one line; its kind, if it says nothing.

    Args:
        error: of any kind.
        longest: characters after which the rest is left out; None for all of it.
    """
    return " ".join(str(error).split())[:longest] or type(error).__name__
