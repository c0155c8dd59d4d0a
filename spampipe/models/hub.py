"""Base models of any repository of the hub: which files they have, how they are laid out, what is known of them."""

import json
import re
from collections.abc import Callable, Container, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from spampipe.core import files
from spampipe.core.errors import CheckpointError, DataError, FetchError, ParamsError, SourceError
from spampipe.data.fast_tokenizer import FastTokenizer
from spampipe.data.tokenizer import Tokenizer
from spampipe.downloads import hub
from spampipe.downloads.fetch import Pin, cached
from spampipe.downloads.hub import Commit
from spampipe.downloads.sources import HubFile
from spampipe.models import stored_tensors
from spampipe.models.architectures import BaseChoice, BaseModel, DecoderConfig, ModelConfig, PublishedFiles
from spampipe.models.catalogue import HUB_FAMILIES, HUB_MODELS
from spampipe.models.hub_config import HubConfig
from spampipe.models.hub_names import HubRepository, is_hub_name, named_repository
from spampipe.models.stored_tensors import Place

if TYPE_CHECKING:
    from spampipe.models.backbone import Backbone
    from spampipe.models.weights import State

_CONFIG, _TOKENIZER = "config.json", "tokenizer.json"
_SINGLE, _INDEX = "model.safetensors", "model.safetensors.index.json"
_SHARD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.safetensors")
_OUTPUT_HEAD = ("output_head.weight",)


def repository_of(choice: BaseChoice) -> HubRepository | None:
    """The repository that a base model lies in.

    Args:
        choice: which base model.

    Returns:
        With the chosen revision; None for a model that the catalogue has pinned file by file.

    Raises:
        ValueError: the name begins with `hub:`, but is not of the form `hub:OWNER/NAME`.
    """
    if is_hub_name(choice.name):
        return HubRepository(named_repository(choice.name), choice.revision)
    return HUB_MODELS.get(choice.name)


def require_commit(repository: HubRepository) -> str:
    """Insist on a revision that can never come to mean another one.

    Args:
        repository: with the revision that the user has chosen.

    Returns:
        The revision, the full hash of a commit.

    Raises:
        ParamsError: it is missing, or a branch, a tag or an abbreviation; the line says which commit that is now, if
            the hub can be asked.
    """
    revision = repository.revision
    if revision is not None and hub.is_commit(revision):
        return revision
    if revision is None:
        wrong, which = f"{repository.name} needs the full hash of a commit", "the newest"
    else:
        wrong, which = f"{revision} is no full hash of a commit of {repository.name}", "where it points now"
    try:
        found = hub.commit(repository.path, revision).revision
    except SourceError as error:
        raise ParamsError(
            f"model.revision: {wrong}; the hub could not be asked for one ({error}), "
            f"{hub.history(repository.path)} lists them"
        ) from error
    raise ParamsError(f"model.revision: {wrong}; set it to {found}, {which}")


def published_base(repository: HubRepository) -> BaseModel:
    """What is known of a base model, by its config.json, which is fetched into the cache of verified files.

    Args:
        repository: where it lies.

    Raises:
        CheckpointError: it is of a kind that this project has not.
        FetchError: the file could not be had.
        ParamsError: no commit is chosen.
    """
    require_commit(repository)
    return _known(repository, _fetched(repository, _commit(repository), _CONFIG))


def laid_out_base(repository: HubRepository, folder: Path) -> BaseModel:
    """What is known of a base model, by its config.json where it is laid out.

    Args:
        repository: where it was fetched from.
        folder: where it is laid out.

    Raises:
        CheckpointError: config.json is missing or damaged, or of a kind that this project has not.
    """
    return _known(repository, folder / _CONFIG)


def other_files(repository: HubRepository | None, folder: Path) -> list[Path]:
    """What a laid-out base model has besides its tokenizer and weights.

    Args:
        repository: where it was fetched from; None for a model that the catalogue has pinned file by file.
        folder: where it is laid out.
    """
    return [] if repository is None else [folder / _CONFIG]


class HubBase:
    """A Family of one: the base model of a repository.

    Args:
        repository: where it lies.
        config: its config.json.
        path: where config.json is.

    Attributes:
        shape: that of its network.
        tokenizer: as in Family.
        padding: as in Family.

    Raises:
        CheckpointError: it is of a kind that this project has not.
    """

    def __init__(self, repository: HubRepository, config: HubConfig, path: Path) -> None:
        self._repository, self._config, self._path = repository, config, path
        self._family = config.choose(HUB_FAMILIES)
        self.shape = self._family.shape(config)
        self.tokenizer, self.padding = repository.name, config.padding(self.shape.vocabulary_size)

    def lay_out(self, published: PublishedFiles, folder: Path, fetch: Callable[[Pin, Path], object]) -> None:
        """As in Family; config.json besides, and the shards of weights joined into one file."""
        commit = _commit(self._repository)
        shards = [] if published.weights is None else self._shards(commit)
        self._require_ids(_fetched(self._repository, commit, _TOKENIZER))
        if shards == [_SINGLE]:
            fetch(_pin(self._repository, _SINGLE), self.weights_path(folder))
        elif shards:
            fetched = [_fetched(self._repository, commit, shard) for shard in shards]
            stored_tensors.join(fetched, self.weights_path(folder))
        fetch(published.tokenizer, self.tokenizer_path(folder))
        files.write_bytes(folder / _CONFIG, self._path.read_bytes())

    def tokenizer_path(self, folder: Path) -> Path:
        """As in Family: a tokenizer.json."""
        return folder / "tokenizer.json"

    def weights_path(self, folder: Path) -> Path:
        """As in Family: a safetensors file."""
        return folder / "weights.safetensors"

    def load_tokenizer(self, folder: Path) -> Tokenizer:
        """As in Family; it puts the special tokens around a text that the repository's own tokenizer puts there."""
        return self._tokenizer_at(self.tokenizer_path(folder))

    def read_weights(self, path: Path, config: ModelConfig, leave_out: Container[str]) -> "State":
        """As in Family; a head of next tokens that is tied to the embedding is not read a second time."""
        has_head = isinstance(config, DecoderConfig) and not config.tied_head

        def place(name: str) -> Place | None:
            found = self._family.place(name)
            return found if has_head or found is None or found.names != _OUTPUT_HEAD else None

        return stored_tensors.read(path, place, leave_out)

    def build(self, config: ModelConfig, dropout: float) -> "Backbone":
        """As in Family."""
        return self._family.build(config, dropout)

    def _tokenizer_at(self, path: Path) -> FastTokenizer:
        return FastTokenizer(path, self.tokenizer, self.padding, special=True)

    def _require_ids(self, tokenizer: Path) -> None:
        """Insist that the tokenizer can be run, and that the model has every id that it gives."""
        name, size = f"{self._repository.name}/{_TOKENIZER}", self.shape.vocabulary_size
        try:
            largest = self._tokenizer_at(tokenizer).largest_id
        except DataError as error:
            raise CheckpointError(f"{name}: cannot be used; choose another revision ({error})") from error
        if largest >= size:
            raise CheckpointError(
                f"{name}: gives ids up to {largest}, but vocab_size is {size}; choose another revision"
            )

    def _shards(self, commit: Commit) -> Sequence[str]:
        """The files that hold the weights, all of which the repository has."""
        if _SINGLE in commit.filenames:
            return [_SINGLE]
        if _INDEX not in commit.filenames:
            _require(self._repository, commit, _SINGLE)
        index = _fetched(self._repository, commit, _INDEX)
        try:
            shards = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
            if not shards or not all(_SHARD.fullmatch(shard) for shard in shards):
                raise ValueError("it names no safetensors files beside it")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CheckpointError(
                f"{self._repository.name}/{_INDEX}: no list of shards ({error}); choose another revision"
            ) from error
        for shard in shards:
            _require(self._repository, commit, shard)
        return shards


def _known(repository: HubRepository, config: Path) -> BaseModel:
    family = HubBase(repository, HubConfig.load(config, f"{repository.name}/{_CONFIG}"), config)
    published = PublishedFiles(*(_pin(repository, name) for name in (_TOKENIZER, _SINGLE)))
    return BaseModel(family.shape, family, published)


def _commit(repository: HubRepository) -> Commit:
    """The chosen commit."""
    try:
        return hub.commit(repository.path, repository.revision)
    except SourceError as error:
        raise FetchError(
            f"{repository.name}: commit {repository.revision} could not be looked up at the hub ({error}); "
            "check the network, model.name and model.revision"
        ) from error


def _pin(repository: HubRepository, filename: str) -> Pin:
    """A file of the chosen commit, verified by the hash that the hub has recorded for it."""
    source = HubFile(repository.path, str(repository.revision), filename)
    return Pin(f"{repository.name}/{filename}", None, (source,))


def _fetched(repository: HubRepository, commit: Commit, filename: str) -> Path:
    """A file in the cache of verified files."""
    _require(repository, commit, filename)
    return cached(_pin(repository, filename))


def _require(repository: HubRepository, commit: Commit, filename: str) -> None:
    if filename not in commit.filenames:
        raise FetchError(
            f"{repository.name}: has no {filename} in commit {commit.revision}; choose a revision that has it"
        )
