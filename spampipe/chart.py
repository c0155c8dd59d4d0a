"""The validation losses of two results as a Mermaid chart, which GitHub draws in Markdown."""

import pandas as pd

_MOST_POINTS = 40  # of a curve


def mermaid(before: pd.DataFrame, after: pd.DataFrame) -> str:
    """Both curves on one axis; those of unequal length end where they end."""
    longest = max(len(before), len(after))
    stride = -(-longest // _MOST_POINTS)
    seen = (before if len(before) == longest else after)["examples_seen"]
    curves = [
        "  line [" + ", ".join(f"{value:.4f}" for value in table["validation_loss"][::stride]) + "]"
        for table in (before, after)
    ]
    axes = [f'  x-axis "messages seen" {seen.iloc[0]} --> {seen.iloc[-1]}', '  y-axis "validation loss"']
    return "\n".join(["```mermaid", "xychart-beta", *axes, *curves, "```"])
