"""Tables of what the pipeline costs: stages, start-up, frozen layers, growth, and a GPU's times."""

from collections.abc import Callable

from benchmarks.tables import RESULTS, markdown, measured_on, percent, read, spread

PARTS = {
    "imports": "imports",
    "load": "loading settings, tokens and weights",
    "frozen_layers": "frozen layers",
    "steps": "training steps, loss estimates and accuracies",
    "scoring": "scoring",
}


def pipeline() -> str:
    """Seconds of the pipeline, of each stage, and of the longest stages' parts."""
    document = read(RESULTS / "pipeline.json")
    figures = document["figures"]
    rows = [["`dvc repro` after the download", spread(figures["repro"])]]
    for stage, seconds in figures["stages"].items():
        rows.append([f"`{stage}`, run by itself", spread(seconds)])
        parts = figures["parts"].get(stage, {})
        rows += [[f"... {PARTS[part]}", spread(taken)] for part, taken in parts.items()]
        if parts:
            rest = seconds["median"] - sum(taken["median"] for taken in parts.values())
            rows.append(["... the rest: MLflow, start and end of the process, reports", f"{rest:.1f}"])
    model = document["settings"]["model"]["name"]
    return markdown([f"{model}: seconds, median (least to most)", "seconds"], rows) + "\n" + measured_on(document)


def tracking_cost() -> str:
    """The whole pipeline with each kind of store."""
    document = read(RESULTS / "tracking_cost.json")
    figures = document["figures"]
    rows = [
        [way, spread(figures["seconds"][way]), spread(ratio, 3)] for way, ratio in figures["beside_local"].items()
    ]
    same = "the same" if figures["same_bytes"] else "NOT the same"
    head = ["`dvc repro` after the download", "seconds", "times the repository's store"]
    return markdown(head, rows) + "\n" + measured_on(document) + f" The bytes of dvc.lock were {same} each time."


def second_experiment() -> str:
    """An experiment that changes the learning rate, beside the first run."""
    document = read(RESULTS / "pipeline.json")
    figures = document["figures"]
    rows = [
        ["whole pipeline", figures["repro"], figures["second_experiment"], figures["experiment_ratio"]],
        ["`train`, run by itself", figures["stages"]["train"], figures["second_train"], figures["train_ratio"]],
    ]
    cells = [[title, spread(first), spread(second), spread(ratio)] for title, first, second, ratio in rows]
    head = ["seconds, median (least to most)", "first", "second experiment", "times faster"]
    return markdown(head, cells) + "\n" + measured_on(document)


def startup() -> str:
    """Each stage's imports, beside importing everything."""
    document = read(RESULTS / "startup.json")
    figures = document["figures"]
    whole = figures["everything"]["seconds"]["median"]
    named = {
        "the interpreter alone": figures["interpreter"],
        "all that the pipeline uses": figures["everything"],
        **{f"`{stage}`": row for stage, row in figures["stages"].items()},
    }
    rows = [
        [
            title,
            spread(row["seconds"], 2),
            f"{percent(row['seconds']['median'] / whole)} %",
            ", ".join(row["imports"]) or "none",
        ]
        for title, row in named.items()
    ]
    head = ["imports", "seconds, median (least to most)", "of importing all", "large packages among them"]
    return markdown(head, rows) + "\n" + measured_on(document)


def trunk_rate() -> str:
    """The frozen layers' operations a second, beside the machine's matrix products."""
    document = read(RESULTS / "trunk_rate.json")
    figures = document["figures"]
    rows = []
    for row in figures["rows"]:
        peak = figures["matrix_flops_per_second"][row["precision"]]
        shares = {name: 100 * row["share_of_matrix_rate"][name] for name in ("min", "median", "max")}
        rates = {name: row["flops_per_second"][name] / 1e9 for name in ("min", "median", "max")}
        title = f"{row['model']}, {row['precision']}, length {row['lengths']}"
        rows.append([title, f"{row['tokens']:,}", spread(rates), f"{peak / 1e9:.1f}", spread(shares)])
    head = ["frozen layers", "tokens", "GFLOP/s", "matrix product, GFLOP/s", "share, %"]
    return markdown(head, rows) + "\n" + measured_on(document)


def trunk_profile() -> str:
    """The share of the frozen layers' time that each kind of operator takes."""
    document = read(RESULTS / "trunk_rate.json")
    profiled = [row for row in document["figures"]["rows"] if "profile" in row]
    rows = [[kind, *(percent(row["profile"][kind]) for row in profiled)] for kind in profiled[0]["profile"]]
    head = ["% of the time, train split's lengths", *(f"{row['model']}, {row['precision']}" for row in profiled)]
    return markdown(head, rows) + "\n" + measured_on(document)


def compilation() -> str:
    """The frozen layers with compiled blocks, beside those without."""
    document = read(RESULTS / "compilation.json")
    rows = [
        [
            row["precision"],
            spread(row["seconds"], 2),
            spread(row["compiled_seconds"], 2),
            f"{row['compilation_seconds']:.1f}",
            f"{row['tokens_to_break_even']:,.0f}" if row["tokens_to_break_even"] else "never",
        ]
        for row in document["rows"]
    ]
    title = f"{document['settings']['model']}, {document['settings']['tokens']:,} tokens"
    head = [title, "seconds", "compiled, seconds", "compilation, seconds", "pays from so many tokens"]
    return markdown(head, rows) + "\n" + measured_on(document)


def growth() -> str:
    """Seconds and peak memory of each stage for each number of messages."""
    document = read(RESULTS / "growth.json")
    sizes = document["figures"]
    stages = sizes[0]["stages"]
    columns = [f"{size['messages']:,} messages" for size in sizes]
    tables = []
    for title, figure in (
        ("seconds", "seconds"),
        ("peak anonymous memory, MiB", "peak_anonymous_mib"),
        ("peak resident memory, MiB", "peak_resident_mib"),
    ):
        rows = [[f"`{stage}`", *(f"{size['stages'][stage][figure]:.1f}" for size in sizes)] for stage in stages]
        if figure == "seconds":
            rows.append(["all", *(f"{size['seconds']:.1f}" for size in sizes)])
            rows.append(["messages a second", *(f"{size['messages_per_second']:.1f}" for size in sizes)])
            rows.append(["frozen layers' store, MiB", *(f"{size['store_mib']:.1f}" for size in sizes)])
        tables.append(markdown([title, *columns], rows))
    return "\n\n".join(tables) + "\n" + measured_on(document)


def gpu() -> str:
    """Minutes of published variants, beside the published ones."""
    document = read(RESULTS / "gpu.json")
    rows = [
        [
            f"{row['row']}: {row['model']}, {row['trainable']}, {row['precision']}",
            f"{row['published_minutes']:.2f}",
            f"{row['minutes']:.2f}",
            f"{row['peak_memory_gib']:.1f}",
            f"{row['flops_per_second'] / 1e12:.1f}",
            percent(row["share_of_matrix_rate"]),
        ]
        for row in document["figures"]["rows"]
    ]
    head = ["row", "published minutes (A100)", "minutes", "peak memory, GiB", "TFLOP/s", "% of the matrix rate"]
    return markdown(head, rows) + "\n" + measured_on(document)


TABLES: dict[str, Callable[[], str]] = {
    "pipeline": pipeline,
    "second_experiment": second_experiment,
    "tracking_cost": tracking_cost,
    "startup": startup,
    "trunk_rate": trunk_rate,
    "trunk_profile": trunk_profile,
    "compilation": compilation,
    "growth": growth,
    "gpu": gpu,
}
