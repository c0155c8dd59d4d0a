"""What `spampipe verify` allows between machines is twice what was measured between them."""

import json

import pytest

from spampipe.results import verification
from tests.support.project import ROOT

MEASURED = json.loads((ROOT / "benchmarks" / "results" / "other_hardware.json").read_text())["figures"]["differences"]
VALIDATION_MESSAGES = 149  # of the smallest split, in which a message weighs most


def test_tolerances_are_twice_the_largest_differences() -> None:
    loss = max(pair["largest_loss_difference"] for pair in MEASURED)
    errors = max(pair["predicted_otherwise"] for pair in MEASURED)
    assert pytest.approx(2 * loss, rel=0.02) == verification.LOSS_TOLERANCE
    assert 2 * errors == verification.COUNT_TOLERANCE
    assert pytest.approx(2 * errors / VALIDATION_MESSAGES, rel=0.02) == verification.SHARE_TOLERANCE


@pytest.mark.parametrize("pair", MEASURED, ids=lambda pair: " and ".join(pair["between"]))
def test_no_measured_metric_is_beyond_its_tolerance(pair: dict) -> None:
    for name, difference in pair["metrics"].items():
        assert difference <= verification.tolerance(name), name
