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


class SourceError(SpampipeError):
    """One source of a pinned file did not deliver; the message is the reason."""


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


def one_line(error: Exception | str, longest: int | None = None) -> str:
    """What an error says, on one line.

    Args:
        error: of any kind, or what was printed of one.
        longest: characters after which the rest is left out; None for all of it.

    Returns:
        Its text with single spaces; the name of its kind, if it says nothing.
    """
    nameless = "" if isinstance(error, str) else type(error).__name__
    return " ".join(str(error).split())[:longest] or nameless
