"""Results that git and DVC keep: revisions, experiments, and the files that belong to them."""

import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from spampipe.core.errors import DataError, ParamsError
from spampipe.core.git import git_output
from spampipe.core.workspace import Workspace
from spampipe.tracking import dvc_lock

# DVC's name for an experiment: the commit that it starts from, and its own name.
_EXPERIMENT_REF = re.compile(r"refs/exps/(?P<start>[0-9a-f]{2})/(?P<rest>[0-9a-f]{38,62})/(?P<name>[^/]+)")


@dataclass(frozen=True)
class Revision:
    """A commit that holds results.

    Attributes:
        commit: the commit's hash.
        experiment: the name of the DVC experiment that it is; else empty.
        baseline: the hash of the commit that the experiment starts from; of any other commit, its own.
    """

    commit: str
    experiment: str
    baseline: str

    @property
    def title(self) -> str:
        """What a person calls it."""
        return self.experiment or self.commit[:7]


def experiments(workspace: Workspace) -> list[Revision]:
    """All DVC experiments that the workspace's clone has, of every baseline.

    They are read from git, which needs no lock: DVC's own list would wait for a `dvc` command that runs, and fail.

    Args:
        workspace: the workspace whose clone has them.
    """
    listed = ("for-each-ref", "--format=%(refname) %(objectname)", "refs/exps")
    refs = git_output(*listed, folder=workspace.root) or ""
    found = [(_EXPERIMENT_REF.fullmatch(name), commit) for name, commit in map(str.split, refs.splitlines())]
    return [Revision(commit, ref["name"], ref["start"] + ref["rest"]) for ref, commit in found if ref]


def resolve(workspace: Workspace, name: str, known: Sequence[Revision] | None = None) -> Revision:
    """Find an experiment by its name, or a commit by any name git has for it.

    Args:
        workspace: the workspace whose clone has it.
        name: the name of the experiment, or any name git has for the commit.
        known: all experiments, if the caller has them already.

    Raises:
        DataError: there is neither.
    """
    for revision in experiments(workspace) if known is None else known:
        if name == revision.experiment or (len(name) >= 7 and revision.commit.startswith(name)):
            return revision
    commit = git_output("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}", folder=workspace.root)
    if not commit:
        raise DataError(f"{name}: neither an experiment nor a revision here; try `dvc exp list -A` or `git fetch`")
    return Revision(commit, "", commit)


def lock_text(workspace: Workspace, commit: str) -> str | None:
    """The text of the dvc.lock that a commit of the workspace's clone has; None if it has none.

    Args:
        workspace: the workspace whose clone has the commit.
        commit: the commit's hash, or any name git has for it.
    """
    return git_output("show", f"{commit}:./{workspace.name_of(workspace.lock)}", folder=workspace.root)


def model_md5(workspace: Workspace, commit: str) -> str | None:
    """The md5 that a commit's dvc.lock has for the model file; None if it has none.

    Args:
        workspace: the workspace whose clone has the commit.
        commit: the commit's hash, or any name git has for it.
    """
    text = lock_text(workspace, commit)
    return dvc_lock.outputs(text).get(Workspace().classifier_weights) if text else None


def outputs_of(workspace: Workspace, commit: str) -> set[Path]:
    """The outputs that a commit's dvc.lock names, by their paths from a workspace's top.

    Args:
        workspace: the workspace whose clone has the commit.
        commit: the commit's hash, or any name git has for it.
    """
    text = lock_text(workspace, commit)
    return set(dvc_lock.outputs(text)) if text else set()


def commits_with(workspace: Workspace, md5: str) -> list[str]:
    """The commits that brought a model into a branch's or tag's dvc.lock, and HEAD if it holds it.

    Args:
        workspace: the workspace whose clone is searched.
        md5: the md5 of the model file.
    """
    lock = workspace.name_of(workspace.lock)
    log = ["log", "--format=%H", f"-S{md5}", "--branches", "--remotes", "--tags", "HEAD", "--", lock]
    head = git_output("rev-parse", "HEAD", folder=workspace.root) or ""
    found = dict.fromkeys([*(git_output(*log, folder=workspace.root) or "").split(), head])
    return [commit for commit in found if commit and model_md5(workspace, commit) == md5]


def names_of(workspace: Workspace, commit: str) -> list[str]:
    """The branches and tags that stand at a commit, and HEAD.

    Args:
        workspace: the workspace whose clone has the commit.
        commit: the commit's full hash.
    """
    named = ("--format=%(refname:short)", "refs/heads", "refs/tags")
    names = git_output("for-each-ref", "--points-at", commit, *named, folder=workspace.root) or ""
    at_head = git_output("rev-parse", "HEAD", folder=workspace.root) == commit
    return [*(["HEAD"] if at_head else []), *names.split()]


@contextmanager
def files_of(workspace: Workspace, revision: Revision, wanted: Iterable[Path]) -> Iterator[Workspace]:
    """Files of a revision, for the block, in a folder of their own.

    Args:
        workspace: the workspace whose clone has the revision.
        revision: the commit or experiment.
        wanted: the files and folders, by their paths from a workspace's top; they come from git, from
            DVC's cache or from its remote.

    Yields:
        The workspace that holds them, and nothing else.

    Raises:
        DataError: one of them cannot be had; or the block raises one, which then names the revision.
        ParamsError: the block raises one, likewise.
    """
    with tempfile.TemporaryDirectory() as name:
        found = Workspace(Path(name))
        _fetch(workspace, revision, wanted, found.root)
        try:
            yield found
        except (DataError, ParamsError) as error:
            raise type(error)(f"{revision.title}: {str(error).replace(f'{name}/', '')}") from error


def _fetch(workspace: Workspace, revision: Revision, wanted: Iterable[Path], folder: Path) -> None:
    from dvc.api import DVCFileSystem

    prefix = git_output("rev-parse", "--show-prefix", folder=workspace.root)
    below = Path(prefix or "")  # the workspace in git's repository; mostly its top
    source = DVCFileSystem(str(workspace.root), rev=revision.commit, subrepos=below != Path())
    for path in wanted:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        location = (below / path).as_posix()
        try:
            source.get(location, str(folder / path), recursive=source.isdir(location))
        except OSError as error:
            raise DataError(
                f"{path} of {revision.title}: neither in git nor in DVC's cache or remote; "
                "run `dvc fetch --all-commits` or `dvc exp pull`, or have its owner push it"
            ) from error


def clone(workspace: Workspace, revision: Revision, folder: Path) -> Workspace:
    """Clone the workspace's repository.

    Args:
        workspace: the workspace whose repository has the revision.
        revision: the commit or experiment, which is checked out.
        folder: the folder of the clone, which is made here.

    Returns:
        The workspace within the clone, which is its top if the workspace is the repository's.

    Raises:
        DataError: git cannot.
    """
    top, prefix = (
        git_output("rev-parse", f"--show-{which}", folder=workspace.root) for which in ("toplevel", "prefix")
    )
    clone_of = ("clone", "--quiet", "--shared", "--no-checkout")
    cloned = top and git_output(*clone_of, top, str(folder.resolve()), folder=workspace.root) is not None
    if not cloned or git_output("checkout", "--quiet", "--detach", revision.commit, folder=folder) is None:
        raise DataError(f"{revision.title}: git cannot clone this repository at {revision.commit}")
    return Workspace(folder / (prefix or ""))
