"""The part of the `spampipe` command that tells differences from chance.

It has compare, seeds, variants, check, report and register.
"""

import argparse
from pathlib import Path

from spampipe import params
from spampipe.cli_models import Add
from spampipe.core.errors import ParamsError

_HERE = "workspace"  # instead of a revision
_MOST_GROUPS = 2  # that are compared


def add_to(add: Add) -> None:
    """Add these subcommands.

    Args:
        add: makes a subcommand of an action and its summary.
    """
    compare = add(_compare, "show results side by side, and test whether they differ")
    names = "an experiment, a git revision, `workspace`, or a CSV file of `spampipe crossvalidate`"
    compare.add_argument("first", metavar="A", help=names)
    compare.add_argument("others", nargs="*", metavar="B", help=f"likewise, one or more; default: {_HERE}")
    compare.add_argument(
        "--metric", metavar="NAME", help="of docs/metrics.md, to compare by instead of the main ones"
    )
    seeds = add(_seeds, "run the pipeline with several seeds, as experiments, and print how far metrics spread")
    seeds.add_argument("count", type=int, metavar="N", help="how many: the seeds are 1 to N")
    assignment = "a setting that is changed in all, such as train.epochs=1; may be given several times"
    seeds.add_argument("-S", dest="assignments", action="append", default=[], metavar="KEY=VALUE", help=assignment)
    seeds.add_argument("--split", action="store_true", help="let the seed decide split.seed, too")
    variants = add(_variants, "run variants with published figures through DVC's queue, and print both side by side")
    variants.add_argument("file", type=Path, metavar="FILE", help="YAML, such as experiments/variants.yaml")
    variants.add_argument("--group", metavar="NAME", help="of the file's groups; default: the first")
    variants.add_argument(
        "--only", nargs="+", metavar="NAME", help="of the variants; default: all but those on demand"
    )
    variants.add_argument("--table", action="store_true", help="run nothing; print what is finished")
    groups = "judge the mean of a group of `spampipe seeds`, beside that of another"
    check = add(_check, "fail if metrics are under their bounds, or worse than a revision's")
    check.add_argument("revision", nargs="?", metavar="REV", help="experiment or git revision to compare with")
    check.add_argument("--seeds", nargs="+", metavar=("GROUP", "OTHER"), help=groups)
    report = add(_report, "print a Markdown comparison with a revision, for a pull request")
    report.add_argument("revision", nargs="?", metavar="REV", help="default: main")
    report.add_argument("--seeds", nargs="+", metavar=("GROUP", "OTHER"), help=groups)
    register = add(_register, "put the model into MLflow's registry")
    register.add_argument("name", metavar="NAME", help="of the registered model")
    register.add_argument(
        "--by", metavar="METRIC", help="a higher value of it makes the champion; default: a paired test"
    )
    of_group = "the model of this group's first seed; the champion if the group's mean of METRIC is better"
    register.add_argument("--seeds", metavar="GROUP", help=of_group)


def _compare(options: argparse.Namespace) -> None:
    """Print the settings that differ, the metrics and the right answers of results, and whether they differ.

    Of two results of the pipeline, right answers are compared; of more, or of cross-validations, metrics too.
    """
    from spampipe.results import comparison, contender, result, side_by_side

    here, names = options.workspace, [options.first, *(options.others or [_HERE])]
    level = params.load(here.params).check.significance
    if len(names) > 2 or options.metric or any(map(contender.is_file, names)):
        print(side_by_side.text(contender.load(here, names), level, options.metric))
    else:
        first, second = (result.named(here, name) for name in names)
        print(comparison.text(first, second, level))


def _seeds(options: argparse.Namespace) -> None:
    """Run experiments that differ in train.seed only; print each metric's mean, standard deviation and interval.

    They run in temporary copies: the workspace stays as it is. Those that are finished are not run again.
    """
    from spampipe.core import environment
    from spampipe.results import seed_groups, seed_runs, seeds

    group = seeds.run(options.workspace, options.count, options.assignments, split=options.split)
    print(f"group\t{group.name}\n\n{seed_groups.text(group)}")
    if environment.read().tracking:
        seed_runs.record(options.workspace, group)


def _variants(options: argparse.Namespace) -> None:
    """Run each variant as an experiment, one after the other; print its figures beside the published ones.

    They run in temporary copies: the workspace stays as it is but for the folder of FILE's name, which the figures
    come to. Those that are finished are not run again, and one that fails does not stop the others.
    """
    from spampipe.core import environment
    from spampipe.results import variant_figures, variant_runs, variant_tables, variants

    here = options.workspace
    groups = variants.load(options.file, params.load(here.params))
    group = variants.one_of(groups, options.group)
    names = group.chosen(options.only)
    failed = [] if options.table else variant_runs.run(here, group, names)
    try:
        variant_runs.keep(here, group, options.file, record=environment.read().tracking and not options.table)
    finally:  # figures are written before MLflow, which may be out of reach, is told
        figures, seconds = variant_figures.places(options.file, group.name)
        found = variant_figures.read(figures), variant_figures.read_seconds(seconds)
        print(variant_tables.text(group, *found))
    variant_runs.fail_if_any(failed)


def _check(options: argparse.Namespace) -> None:
    """Hold the metrics against the bounds in params.yaml, and against another result's."""
    from spampipe.results import gate, history, seed_groups

    here, name = options.workspace, options.revision
    if options.seeds:
        groups = [seed_groups.find(here, each) for each in _groups(options)]
        findings = gate.check_seeds(here, *groups)
    else:
        findings = gate.check(here, history.resolve(here, name) if name else None)
    print("\n".join(finding.line() for finding in findings))
    gate.fail_unless_passed(findings)


def _report(options: argparse.Namespace) -> None:
    """Print metrics, settings, mistakes and the loss beside those of a revision, as Markdown."""
    from spampipe.results import comparison, result, seed_groups

    here = options.workspace
    level = params.load(here.params).check.significance
    if options.seeds:
        group, *others = [seed_groups.find(here, each) for each in _groups(options)]
        print(seed_groups.report(others[0], group, level) if others else seed_groups.markdown(group))
        return
    before, after = (result.named(here, name) for name in (options.revision or "main", result.WORKSPACE))
    print(comparison.markdown(before, after, level))


def _register(options: argparse.Namespace) -> None:
    """Register the workspace's model; it becomes the champion if it is better than the one there is."""
    from spampipe.results import registry, seed_groups

    here, name = options.workspace, options.name
    if options.seeds:
        registered = registry.register_seeds(here, name, seed_groups.find(here, options.seeds), options.by)
    else:
        registered = registry.register(here, name, options.by)
    print(f"{name}\tversion {registered.version}\t{registered.verdict}")


def _groups(options: argparse.Namespace) -> list[str]:
    """The names after `--seeds`.

    Raises:
        ParamsError: there are more than two, or a revision is named as well.
    """
    if options.revision or len(options.seeds) > _MOST_GROUPS:
        surplus = options.revision or options.seeds[_MOST_GROUPS]
        raise ParamsError(f"{surplus}: --seeds takes one group or two and no revision; leave it out")
    return list(options.seeds)
