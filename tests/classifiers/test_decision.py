"""How probabilities become labels, as it lies beside a classifier."""

from pathlib import Path

import pytest

from spampipe.classifiers import decision
from spampipe.classifiers.decision import Decision
from spampipe.core.errors import CheckpointError


def test_a_temperature_of_1_leaves_no_trace(tmp_path: Path) -> None:
    path = tmp_path / "decision.json"
    decision.save(path, Decision(threshold=0.5))
    assert path.read_bytes() == b'{\n  "threshold": 0.5\n}\n'
    decision.save(path, Decision(threshold=0.5, temperature=1.0))
    assert path.read_bytes() == b'{\n  "threshold": 0.5\n}\n'


@pytest.mark.parametrize("saved", [Decision(threshold=0.25), Decision(threshold=0.1 + 0.2, temperature=1.7)])
def test_what_is_saved_is_loaded(tmp_path: Path, saved: Decision) -> None:
    decision.save(tmp_path / "decision.json", saved)
    assert decision.load(tmp_path / "decision.json") == saved


@pytest.mark.parametrize("temperature", ["0", "-1.0", "NaN", "Infinity", "null", '"1"'])
def test_a_temperature_that_is_none_is_damage(tmp_path: Path, temperature: str) -> None:
    path = tmp_path / "decision.json"
    path.write_text(f'{{"threshold": 0.5, "temperature": {temperature}}}')
    with pytest.raises(CheckpointError, match=r"^[^\n]*decision\.json: damaged; run `dvc checkout [^\n]*$"):
        decision.load(path)
