"""dvc.yaml says what the stages really read."""

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from spampipe import params
from spampipe.core.workspace import Workspace
from tests.support import repositories
from tests.support.project import ROOT, STAGES, place_inputs

NO_BYTE = ("tracking", "inference", "results")  # packages that decide no byte of a result
DATA_STAGES = ("download", "balance", "split", "tokenize-pad")
PIPELINE = yaml.safe_load((ROOT / "dvc.yaml").read_text())


def script(stage: str) -> Path:
    return Path("stages") / f"{stage.replace('-', '_')}.py"


def imported_modules(path: Path, seen: set[Path], stop: Callable[[Path], bool] = lambda module: False) -> set[Path]:
    """This project's modules that `path` imports, at its top or within functions, and those they import.

    Args:
        path: the module.
        seen: modules to leave out; those found are added.
        stop: whether what a module imports is not looked at.
    """
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            module = Path(name.replace(".", "/") + ".py")
            if name.startswith(("spampipe.", "stages.")) and (ROOT / module).exists() and module not in seen:
                seen.add(module)
                if not stop(module):
                    imported_modules(module, seen, stop)
    return seen


def modules_after(program: str, folder: Path) -> set[str]:
    """The modules that a Python process has imported once it has run a program in this folder."""
    command = [sys.executable, "-c", f"{program}\nimport sys; print('modules:', *sys.modules)"]
    variables = os.environ | {"PYTHONPATH": str(ROOT)}
    finished = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    return set(finished.stdout.splitlines()[-1].split()[1:])


def test_stages_have_the_agreed_names_in_order() -> None:
    assert tuple(PIPELINE["stages"]) == STAGES


@pytest.mark.parametrize("stage", STAGES)
def test_code_dependencies_are_the_packages_of_the_work(stage: str) -> None:
    """A package, or a module at the top, is a dependency if the stage imports any of its modules, directly or not.

    Those that decide no byte of a result are none; nor is `downloads` of any stage but the one that fetches, as the
    others depend on what was fetched; and `params.py` is one by itself, whatever it checks.
    """
    no_byte = NO_BYTE if stage == "download" else (*NO_BYTE, "downloads")
    modules = imported_modules(script(stage), set(), stop=lambda module: module.parts[1] in (*no_byte, "params.py"))
    packages = {Path(*module.parts[:2]) for module in modules} - {Path("spampipe", name) for name in no_byte}
    declared = {Path(dep) for dep in PIPELINE["stages"][stage]["deps"] if dep.startswith(("spampipe", "stages"))}
    assert declared == {script(stage), *packages}


@pytest.mark.parametrize("stage", STAGES)
def test_the_command_runs_the_stage_as_a_module(stage: str) -> None:
    assert PIPELINE["stages"][stage]["cmd"] == f"python -m stages.{script(stage).stem}"


@pytest.mark.parametrize("stage", STAGES)
def test_settings_read_are_settings_declared(stage: str) -> None:
    """Every `settings.section` a stage's script mentions is one of its params, and the reverse."""
    source = (ROOT / script(stage)).read_text()
    declared = {param.split(".")[0] for param in PIPELINE["stages"][stage]["params"]}
    read = set(re.findall(r"settings\.(\w+)", source)) | set(re.findall(r"params\.load\(\)\.(\w+)", source))
    assert read & set(params.Params.model_fields) == declared


def test_packages_run_no_code_at_import() -> None:
    top = ROOT / "spampipe" / "__init__.py"  # it names what `import spampipe` offers; tests/test_public.py
    packages = [*set((ROOT / "spampipe").rglob("__init__.py")) - {top}, ROOT / "stages" / "__init__.py"]
    assert len(packages) > 10
    for package in packages:
        body = ast.parse(package.read_text()).body
        assert all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in body)


def test_every_output_is_cached() -> None:
    """`cache: false` or `persist: true` on an output would switch the run-cache of its stage off."""
    outputs = [out for stage in PIPELINE["stages"].values() for out in stage["outs"]]
    assert all(isinstance(out, str) for out in outputs)


def test_figures_do_not_retrain_and_data_stages_need_no_torch() -> None:
    code = {stage: imported_modules(script(stage), set()) for stage in STAGES}
    assert Path("spampipe/figures/drawing.py") not in code["train"] | code["evaluate"]
    for stage in (*DATA_STAGES, "baseline", "plot"):
        imported = modules_after(f"import stages.{script(stage).stem}", ROOT)
        assert "spampipe.params" in imported and "torch" not in imported, stage
    for stage in DATA_STAGES:
        assert Path("spampipe/tracking/recording.py") not in code[stage]


@pytest.mark.parametrize("weights", ["random", "pretrained"])
def test_data_stages_run_without_torch(weights: str, tmp_path: Path) -> None:
    """Whatever they import while they work: to import torch is an error here, as if it was not installed."""
    settings = yaml.safe_load((ROOT / "params.yaml").read_text())
    settings["model"] |= {"name": "gpt2-tiny" if weights == "random" else "smollm2-135m", "weights": weights}
    settings["download"]["dataset"] = "sms-spam-collection"
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(settings))
    place_inputs(tmp_path)
    stages = ", ".join(script(stage).stem for stage in DATA_STAGES)
    program = (
        "import sys\n"
        "class WithoutTorch:\n"
        "    def find_spec(self, name, *others):\n"
        "        if name == 'torch': raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, WithoutTorch())\n"
        f"from stages import {stages}\n"
        "from spampipe.core.workspace import Workspace\n"
        f"for stage in ({stages}): stage.main(Workspace.here())"
    )
    imported = modules_after(program, tmp_path)
    assert {"tiktoken", "pandas"} <= imported and ("gguf" in imported) == (weights == "pretrained")
    assert (tmp_path / "data/tokens/train.safetensors").exists()


def test_metrics_plots_and_the_model_are_declared_at_the_top() -> None:
    outputs = {out for stage in PIPELINE["stages"].values() for out in stage["outs"]}
    assert PIPELINE["metrics"] == [
        str(path)
        for path in (
            Workspace().leakage_metrics,
            Workspace().tokens_metrics,
            Workspace().train_metrics,
            Workspace().evaluate_metrics,
            Workspace().baseline_metrics,
        )
    ]
    assert set(PIPELINE["metrics"]) <= outputs
    plotted = {source for plot in PIPELINE["plots"] for options in plot.values() for source in options["y"]}
    assert plotted <= outputs
    assert PIPELINE["artifacts"]["spam-classifier"]["path"] == str(Workspace().classifier_weights)


RERUN = {
    "core/files.py": STAGES,
    "downloads/fetch.py": ("download",),
    "data/messages.py": STAGES,
    "models/decoder.py": ("download", "tokenize-pad", "train", "evaluate", "plot"),
    "training/loop.py": ("train", "evaluate", "plot"),
    "classifiers/neural.py": ("train", "evaluate", "baseline", "plot"),
    "evaluation/metrics.py": ("evaluate", "baseline", "plot"),
    "figures/drawing.py": ("plot",),
    "reporting/page.py": ("plot",),
    "params.py": STAGES,
    "tracking/recording.py": (),
    "inference/prediction.py": (),
    "results/registry.py": (),
}


def test_an_edit_of_a_module_reruns_the_stages_that_it_decides(repository: Path) -> None:
    for module, stages in RERUN.items():
        path = repository / "spampipe" / module
        before = path.read_bytes()
        path.write_bytes(before + b"# edited\n")
        status = json.loads(repositories.run(repository, "dvc", "status", "--json").stdout)
        path.write_bytes(before)
        assert set(status) == set(stages), module


def test_the_file_stays_readable() -> None:
    assert len((ROOT / "dvc.yaml").read_text().splitlines()) < 130
