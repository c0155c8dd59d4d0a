"""Results that git and DVC remember: revisions, experiments, and the files that belong to them."""

import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from spampipe.core import paths
from spampipe.core.errors import DataError
from spampipe.core.git import git_output
from spampipe.tracking import provenance

# DVC's name for an experiment: the commit that it starts from, and its own name.
_EXPERIMENT_REF = re.compile(r"refs/exps/(?P<start>[0-9a-f]{2})/(?P<rest>[0-9a-f]{38,62})/(?P<name>[^/]+)")


@dataclass(frozen=True)
class Revision:
    """A commit that holds results.

    Attributes:
        commit: its hash.
        experiment: its name, if it is a DVC experiment; else empty.
        baseline: the commit that the experiment starts from; of any other commit, itself.
    """

    commit: str
    experiment: str
    baseline: str

    @property
    def title(self) -> str:
        """What a person calls it."""
        return self.experiment or self.commit[:7]


def experiments() -> list[Revision]:
    """All DVC experiments that this clone has, of every baseline.

    They are read from git, which needs no lock: DVC's own list would wait for a `dvc` command that runs, and fail.
    """
    refs = git_output("for-each-ref", "--format=%(refname) %(objectname)", "refs/exps") or ""
    found = [(_EXPERIMENT_REF.fullmatch(name), commit) for name, commit in map(str.split, refs.splitlines())]
    return [Revision(commit, ref["name"], ref["start"] + ref["rest"]) for ref, commit in found if ref]


def resolve(name: str, known: Sequence[Revision] | None = None) -> Revision:
    """Find an experiment by its name, or a commit by any name git has for it.

    Args:
        name: of either.
        known: all experiments, if the caller has them already.

    Raises:
        DataError: there is neither.
    """
    for revision in experiments() if known is None else known:
        if name == revision.experiment or (len(name) >= 7 and revision.commit.startswith(name)):
            return revision
    commit = git_output("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    if not commit:
        raise DataError(f"{name}: neither an experiment nor a revision here; try `dvc exp list -A` or `git fetch`")
    return Revision(commit, "", commit)


def lock(commit: str) -> str | None:
    """The text of a commit's dvc.lock; None if it has none."""
    return git_output("show", f"{commit}:./{paths.LOCK}")


def model_md5(commit: str) -> str | None:
    """The md5 that a commit's dvc.lock has for the model file; None if it has none."""
    text = lock(commit)
    return provenance.locked_outputs(text).get(paths.CLASSIFIER_WEIGHTS) if text else None


def commits_with(md5: str) -> list[str]:
    """The commits that brought this model into a branch's or tag's dvc.lock, and HEAD if it holds it."""
    log = ["log", "--format=%H", f"-S{md5}", "--branches", "--remotes", "--tags", "HEAD", "--", str(paths.LOCK)]
    found = dict.fromkeys([*(git_output(*log) or "").split(), git_output("rev-parse", "HEAD") or ""])
    return [commit for commit in found if commit and model_md5(commit) == md5]


def names_of(commit: str) -> list[str]:
    """The branches and tags that stand at a commit, and HEAD."""
    named = ("--format=%(refname:short)", "refs/heads", "refs/tags")
    names = git_output("for-each-ref", "--points-at", commit, *named) or ""
    return [*(["HEAD"] if git_output("rev-parse", "HEAD") == commit else []), *names.split()]


@contextmanager
def files_of(revision: Revision, wanted: Iterable[Path]) -> Iterator[Path]:
    """A folder, for the block, with these files and folders of a revision, from git, DVC's cache or its remote.

    Raises:
        DataError: one of them cannot be had.
    """
    from dvc.api import DVCFileSystem

    below = Path(git_output("rev-parse", "--show-prefix") or "")  # this folder in git's repository; mostly its top
    with tempfile.TemporaryDirectory() as name:
        folder, source = Path(name), DVCFileSystem(".", rev=revision.commit, subrepos=below != Path())
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
        yield folder


def clone(revision: Revision, folder: Path) -> Path:
    """Clone this repository's commit into a new folder; the workspace within it, if that is not its top.

    Raises:
        DataError: git cannot.
    """
    top, prefix = git_output("rev-parse", "--show-toplevel"), git_output("rev-parse", "--show-prefix")
    cloned = top and git_output("clone", "--quiet", "--shared", "--no-checkout", top, str(folder)) is not None
    if not cloned or git_output("-C", str(folder), "checkout", "--quiet", "--detach", revision.commit) is None:
        raise DataError(f"{revision.title}: git cannot clone this repository at {revision.commit}")
    return folder / (prefix or "")
