"""What many tests share: real pinned files, fetched once into the user's cache."""

from pathlib import Path

import hypothesis
import pytest
from filelock import FileLock

from spampipe.data import collection
from spampipe.downloads import fetch
from spampipe.models import bases
from spampipe.models.architectures import BaseChoice
from tests.support import repositories
from tests.support.warm import WarmServer

hypothesis.settings.register_profile("no clock", deadline=None)  # a busy machine fails no test
hypothesis.settings.load_profile("no clock")

# The second needs no finished pipeline, which the first process builds meanwhile.
LONGEST = [
    "test_pipeline",
    "test_distributed",
    "test_story",
    "test_commands",
    "test_sharing",
    "test_same_bytes",
    "test_contributing",
    "test_own_tables",
    "test_seeds",
    "test_tune",
    "test_browser",
    "test_tracking_server",
    "test_dvc_yaml",
    "test_smollm2",
    "test_classify",
    "test_exam_commands",
    "test_subfolders",
    "test_readers",
    "test_fetch",
    "test_tokenizer",
    "test_api",
    "test_environment",
]


def pytest_configure(config: pytest.Config) -> None:
    """Where several processes run tests, have one server for the commands of all."""
    if getattr(config.option, "numprocesses", None) and not hasattr(config, "workerinput"):
        server = WarmServer()
        config.add_cleanup(server.stop)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that several processes end together."""
    items.sort(key=lambda item: LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST))


@pytest.fixture(scope="session")
def gpt2_base() -> Path:
    """A folder with GPT-2's tokenizer, laid out as the download stage does; no weights."""
    folder = fetch.cache_directory() / "tests" / "gpt2-tiny"
    bases.fetch_base(BaseChoice("gpt2-tiny", "random"), folder)
    return folder


@pytest.fixture(scope="session")
def smollm2_base() -> Path:
    """A folder with the real SmolLM2-135M: its weights and its tokenizer."""
    folder = fetch.cache_directory() / "tests" / "smollm2-135m"
    bases.fetch_base(BaseChoice("smollm2-135m", "pretrained"), folder)
    return folder


@pytest.fixture(scope="session")
def smollm2_published() -> Path:
    """SmolLM2-135M's file as published, for other people's readers."""
    (pin,) = (pin for pin in bases.PINS if pin.name == "smollm2-135m")
    path = fetch.cache_directory() / "tests" / "smollm2-135m.gguf"
    fetch.fetch(pin, path)
    return path


@pytest.fixture(scope="session")
def minilm_base() -> Path:
    """A folder with the real MiniLM-L6: its weights and its tokenizer."""
    folder = fetch.cache_directory() / "tests" / "minilm-l6"
    bases.fetch_base(BaseChoice("minilm-l6", "pretrained"), folder)
    return folder


@pytest.fixture(scope="session")
def raw_messages() -> Path:
    """The SMS Spam Collection."""
    path = fetch.cache_directory() / "tests" / "messages.tsv"
    collection.fetch_messages("sms-spam-collection", path, path.parent)
    return path


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, worker_id: str, gpt2_base: Path) -> Path:
    """A repository whose pipeline has run and been committed; not to be changed.

    It is built once for all processes that run tests: the first to need it builds it, the others wait.
    """
    base = tmp_path_factory.getbasetemp()
    repository = (base if worker_id == "master" else base.parent) / "pipeline" / "repository"
    with FileLock(f"{repository.parent}.lock"):
        if not (repository.parent / "built").exists():
            repositories.build(repository)
            (repository.parent / "built").touch()
    return repository


@pytest.fixture
def repository(finished: Path, tmp_path: Path) -> Path:
    """A copy of it, for one test."""
    return repositories.copied(finished, tmp_path / "repository")
