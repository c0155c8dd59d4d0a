"""What many tests share: real pinned files, fetched once into the user's cache."""

from pathlib import Path

import pytest

from spampipe import bases, collection, fetch, paths

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def gpt2_base() -> Path:
    """A folder with GPT-2's tokenizer, laid out as the download stage does; no weights."""
    folder = fetch.cache_directory() / "tests" / "gpt2-tiny"
    bases.fetch_base("gpt2-tiny", "random", folder)
    return folder


@pytest.fixture(scope="session")
def smollm2_base() -> Path:
    """A folder with the real SmolLM2-135M: its weights and its tokenizer."""
    folder = fetch.cache_directory() / "tests" / "smollm2-135m"
    bases.fetch_base("smollm2-135m", "pretrained", folder)
    return folder


@pytest.fixture(scope="session")
def raw_messages() -> Path:
    """The SMS Spam Collection."""
    path = fetch.cache_directory() / "tests" / paths.RAW_MESSAGES.name
    collection.fetch_messages("sms-spam-collection", path)
    return path
