"""The project that is tested."""

from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
STAGES = ("download", "balance", "split", "tokenize-pad", "train", "evaluate", "baseline", "plot")
