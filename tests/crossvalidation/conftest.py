"""Tests of cross-validation record nothing, but for the one that is about that."""

import pytest


@pytest.fixture(autouse=True)
def without_tracking(monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow would make a database in every folder that a command runs in."""
    monkeypatch.setenv("SPAMPIPE_TRACKING", "off")
