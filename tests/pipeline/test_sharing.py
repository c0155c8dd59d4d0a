"""Teams share results: folders, S3, SSH, the run cache, one cache for all, by the recipes of docs/teamwork.md."""

import json
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from spampipe.core import files
from spampipe.core.workspace import Workspace
from tests.support.daemons import ssh_server
from tests.support.recipes import run_recipe
from tests.support.repositories import copied, identify, run
from tests.support.storage import Gate, S3Server

_OTHER, _GROUP = "nobody", 54321  # a colleague, and a group that nobody else is in
_QUIET = {"SPAMPIPE_TRACKING": "off"}
_S3_ONLY_FROM_HERE = {
    "AWS_CONFIG_FILE": "/nonexistent",
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
    "AWS_MAX_ATTEMPTS": "1",
}


@pytest.fixture(scope="module", autouse=True)
def _no_settings_of_the_user() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        yield


@pytest.fixture
def colleague() -> tuple[str, ...]:
    """A command prefix that makes somebody else of the group run the rest; nothing where only root could do so."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        return ()
    # This interpreter may lie where only root may read; the capability lets others read it, and write nothing.
    read = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
    return ("setpriv", f"--reuid={_OTHER}", f"--regid={_GROUP}", "--clear-groups", *read)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def clone_of(repository: Path, path: Path, colleague: tuple[str, ...] = ()) -> Path:
    """A clone with the same local settings, which belongs to the colleague if there is one."""
    run(path.parent, "git", "clone", "-q", "--no-hardlinks", str(repository), str(path))
    identify(path)
    local = Path(".dvc") / "config.local"
    if (repository / local).exists():
        shutil.copyfile(repository / local, path / local)
    if colleague:
        run(path.parent, "chown", "-R", f"{_OTHER}:{_GROUP}", str(path))
    return path


def outputs(repository: Path) -> dict[str, str]:
    """The md5 of every file that the pipeline has written, and that is there."""
    stages = yaml.safe_load((repository / "dvc.lock").read_text())["stages"]
    roots = [repository / out["path"] for stage in stages.values() for out in stage["outs"]]
    found = [path for root in roots for path in (root.rglob("*") if root.is_dir() else [root]) if path.is_file()]
    return {str(path.relative_to(repository)): files.digest(path, "md5") for path in found}


def modes(folder: Path) -> dict[str, int]:
    """The permissions of all below a folder."""
    return {str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*")}


def group_folder(folder: Path) -> Path:
    """Made by the recipe, for the group of the test."""
    group = _GROUP if os.geteuid() == 0 else os.getgid()
    run_recipe("make-folder", Path("/"), {"/mnt/team/spampipe": str(folder), "chgrp team": f"chgrp {group}"})
    return folder


def test_a_group_shares_results_and_experiments_in_a_folder(
    repository: Path, open_folder: Path, colleague: tuple[str, ...]
) -> None:
    folder = group_folder(open_folder / "team" / "spampipe")
    run_recipe("folder-remote", repository, {"/mnt/team/spampipe": str(folder)})
    clone = clone_of(repository, open_folder / "clone", colleague)
    home = {"HOME": str(clone), **_QUIET}
    pulled = run_recipe("pull", clone, account=colleague, variables=home).stdout
    assert "Data and pipelines are up to date" in pulled and "Running stage" not in pulled
    assert outputs(clone) == outputs(repository)

    experiment = {"-S train.epochs=1": "-S train.epochs=1 train"}  # no further than this stage
    assert "Running stage 'train'" in run_recipe("share-runs", repository, experiment, variables=_QUIET).stdout
    skipped = run_recipe("use-runs", clone, experiment, account=colleague, variables=home).stdout
    assert "Stage 'train' is cached - skipping run" in skipped and "Running stage" not in skipped
    assert outputs(clone) == outputs(repository)
    assert json.loads((Workspace(clone).train_metrics).read_text())["steps"] == 10

    found = modes(folder)
    assert {mode for name, mode in found.items() if (folder / name).is_dir()} == {0o2775}
    assert all(mode & 0o444 == 0o444 for mode in found.values())
    assert {(folder / name).stat().st_gid for name in found} == {folder.stat().st_gid}
    push = "umask 002; dvc push --run-cache"  # writes to what the first one made
    assert "failed" not in run(clone, *colleague, "sh", "-c", push, variables=home).stderr


def test_clones_share_one_cache_by_links(repository: Path, open_folder: Path, colleague: tuple[str, ...]) -> None:
    cache = group_folder(open_folder / "cache")
    before = outputs(repository)
    run_recipe("shared-cache", repository, {"/mnt/team/cache": str(cache)})
    run_recipe("fill-shared-cache", repository)
    clone = clone_of(repository, open_folder / "clone", colleague)
    home = {"HOME": str(clone)}
    run(clone, *colleague, "dvc", "checkout", variables=home)
    assert outputs(clone) == outputs(repository) == before

    assert {mode for name, mode in modes(cache).items() if (cache / name).is_dir()} == {0o2775}
    assert {mode for name, mode in modes(cache / "runs").items() if (cache / "runs" / name).is_file()} == {0o664}
    md5 = before[str(Workspace().train_metrics)]
    kept = cache / "files" / "md5" / md5[:2] / md5[2:]
    assert stat.S_IMODE(kept.stat().st_mode) == 0o444
    if run(cache, "cp", "--reflink=always", str(kept), "probe", check=False).returncode != 0:
        for user in (repository, clone):
            assert (Workspace(user).train_metrics).samefile(kept)
    if colleague:
        spoil = run(clone, *colleague, "sh", "-c", f"echo >> {Workspace().train_metrics}", check=False)
        assert "Permission denied" in spoil.stderr
    files.write_json(Workspace(repository).train_metrics, {})  # as a stage does that DVC did not start
    assert files.digest(kept, "md5") == md5


def test_ssh(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    with ssh_server(tmp_path / "server") as (account, key):
        remote = {"spampipe@ssh.example.org": account, "/srv/spampipe": str(tmp_path / "server" / "remote")}
        run_recipe("ssh-remote", repository, remote)
        run_recipe("ssh-key", repository, {"~/.ssh/id_ed25519": str(key)}, then="dvc push --run-cache\n")
        clone = clone_of(repository, tmp_path / "clone")
        run(clone, "dvc", "pull")
        assert outputs(clone) == outputs(repository)


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with S3Server(tmp_path_factory.mktemp("storage")) as server:
        yield server


@pytest.fixture(scope="module")
def pushed(finished: Path, storage: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose results are in the storage; not to be changed."""
    repository = tmp_path_factory.mktemp("pushed") / "repository"
    copied(finished, repository)
    run_recipe("s3-remote", repository, {"team-bucket": storage.bucket, "https://s3.example.org": storage.address})
    run_recipe("s3-secret", repository, {"your-key-id": storage.key, "your-secret": storage.secret})
    assert stat.S_IMODE((repository / ".dvc" / "config.local").stat().st_mode) == 0o600
    code, printed = dvc(repository, "push")
    assert code == 0, printed
    return repository


def dvc(repository: Path, *command: str) -> tuple[int, str]:
    """What DVC returns and prints."""
    finished = run(repository, "dvc", *command, check=False, variables=_S3_ONLY_FROM_HERE)
    return finished.returncode, finished.stdout + finished.stderr


def connect(repository: Path, server: S3Server, address: str = "", secret: str = "") -> None:
    """What the recipe for secrets writes, but faster, and with an address of this clone's own."""
    settings = {"endpointurl": address or server.address, "access_key_id": server.key}
    settings["secret_access_key"] = secret or server.secret
    lines = ["['remote \"team\"']", *(f"    {name} = {value}" for name, value in settings.items())]
    (repository / ".dvc" / "config.local").write_text("\n".join(lines) + "\n")


def object_of(md5: str) -> str:
    """The name under which the storage has a file."""
    return f"spampipe/files/md5/{md5[:2]}/{md5[2:]}"


def test_a_wrong_secret_is_refused_and_loses_nothing(pushed: Path, storage: S3Server, tmp_path: Path) -> None:
    stored, expected = storage.objects(), outputs(pushed)
    mine = copied(pushed, tmp_path / "mine")
    connect(mine, storage, secret="wrong")
    clone = clone_of(mine, tmp_path / "clone")
    for code, printed in (dvc(mine, "push"), dvc(clone, "pull")):
        assert code != 0
        assert "signature we calculated does not match" in printed or "Forbidden" in printed
    assert (outputs(mine), outputs(clone), storage.objects()) == (expected, {}, stored)


def test_a_damaged_object_is_refused_and_replaced(
    pushed: Path, storage: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = outputs(pushed)
    damaged = [object_of(expected[name]) for name in ("data/balanced.csv", "data/splits/test.csv")]
    for name in damaged:
        storage.put(name, storage.get(name)[:-1] + b"X")
    clone = clone_of(pushed, tmp_path / "clone")
    (clone / ".dvc" / "config.local").unlink()  # the variables serve as well
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", storage.key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", storage.secret)
    refused = run_recipe("find-damage", clone, check=False, variables=_S3_ONLY_FROM_HERE)
    assert refused.returncode != 0
    _, _, missing = refused.stderr.partition("Checkout failed for following targets:")
    assert {"data/balanced.csv", "data/splits"} <= set(missing.split())
    for name in damaged:
        path = name.removeprefix("spampipe/")
        assert re.search(rf"corrupted cache file '.*/{path}'", refused.stdout + refused.stderr)
    found = outputs(clone)
    assert found.items() < expected.items()
    assert {name for name in expected if not name.startswith("data/splits/")} - found.keys() == {"data/balanced.csv"}

    stages = yaml.safe_load((pushed / "dvc.lock").read_text())["stages"]
    for name in (*damaged, object_of(stages["split"]["outs"][0]["md5"])):
        assert name in storage.objects()
        storage.delete(name)
    assert dvc(pushed, "push") == (0, "3 files pushed\n")
    assert "Running stage" not in run_recipe("pull", clone, variables=_S3_ONLY_FROM_HERE).stdout
    assert outputs(clone) == expected


def test_a_server_that_dies_during_a_push(pushed: Path, tmp_path: Path) -> None:
    mine = copied(pushed, tmp_path / "mine")
    expected = outputs(mine)
    with S3Server(tmp_path) as server, Gate(server.port) as gate:
        gate.at_upload(12, server.kill)
        connect(mine, server, gate.address)
        code, printed = dvc(mine, "push")
        assert code != 0 and "ERROR" in printed
        assert outputs(mine) == expected
        cache = mine / ".dvc" / "cache"
        left = sum(path.is_file() for path in (cache / "files").rglob("*")) - len(server.disk)
        assert server.disk and left > 0

        server.start()
        connect(mine, server, gate.address)
        runs = [path for path in (cache / "runs").rglob("*") if path.is_file()]
        assert dvc(mine, "push", "--run-cache") == (0, f"{left + len(runs)} files pushed\n")
        clone = clone_of(mine, tmp_path / "clone")
        assert dvc(clone, "pull", "--run-cache")[0] == 0
        assert outputs(clone) == expected
        assert all((clone / path.relative_to(mine)).read_bytes() == path.read_bytes() for path in runs)
