"""A study's file says what is compared."""

from pathlib import Path

import pytest

from spampipe.core.errors import ParamsError
from spampipe.crossvalidation import contenders
from spampipe.params import Params
from tests.support.project import ROOT

STUDIES = sorted((ROOT / "studies").glob("*.yaml"))
DEFAULTS = Params.load(ROOT / "params.yaml")


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_the_committed_studies_can_be_run(path: Path) -> None:
    study = contenders.load(path, DEFAULTS)
    assert study.name == path.stem
    assert {"majority", "svm", "minilm"} <= set(study.usual)
    assert set(study.contenders) - set(study.usual) == {"zero_shot", "few_shot"}  # which take hours
    for name, params in study.params.items():
        assert params.download.dataset == study.common.download.dataset, name
        assert params.balance.strategy == "none", name


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("contenders: {}", "settings: Field required; correct it"),
        ("settings: {}\ncontenders: {a: {}}", "contenders.a.says: Field required"),
        ("settings: {train.epoch: 3}\ncontenders: {a: {says: a}}", "a: train.epoch: unknown key"),
        ("settings: {}\ncontenders: {A b: {says: a}}", "A b: a name has lower-case letters"),
        ("settings: {}\ncontenders: {a: {says: a, members: [b, a]}}", "a: member b: no such contender"),
        ("settings: {}\ncontenders: {a: {says: a, members: [b]}}", "contenders.a.members"),
        ("settings: {}\ncontenders: {a: {says: a, pattern: '('}}", "pattern: no regular expression"),
        ("settings: {}\ncontenders: {a: {says: a, pattern: x, majority: true}}", "only one of them"),
        (
            "settings: {}\ncontenders: {x: {says: x}, y: {says: y}, a: {says: a, members: [x, y]}, "
            "b: {says: b, members: [x, a]}}",
            "b: member a has members itself",
        ),
        ("settings: [", "cannot be read"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(text: str, wrong: str, tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(text)
    with pytest.raises(ParamsError) as raised:
        contenders.load(path, DEFAULTS)
    assert str(raised.value).startswith(f"{path}: ") and wrong in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match=r"none\.yaml: No such file or directory; the studies .* studies/"):
        contenders.load(tmp_path / "none.yaml", DEFAULTS)
