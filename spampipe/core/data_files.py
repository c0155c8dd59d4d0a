"""Where the pipeline's data lie, and what is reported of them."""

from pathlib import Path

SPLITS = ("train", "validation", "test")
LEFTOVER_SPLIT = "leftover"  # the messages that balancing left out, tokenized and scored like a split


class DataFiles:
    """The files of data, and of what is reported of them, in a folder that the pipeline runs in.

    Attributes:
        root: the folder.
    """

    root: Path

    @property
    def raw_messages(self) -> Path:
        """The messages as they were fetched: `label<TAB>text` lines."""
        return self.root / "data/raw/messages.tsv"

    @property
    def labels(self) -> Path:
        """The label set of the messages."""
        return self.root / "data/raw/labels.json"

    @property
    def balanced(self) -> Path:
        """The messages that are split."""
        return self.root / "data/balanced.csv"

    @property
    def leftover(self) -> Path:
        """The messages that balancing left out."""
        return self.root / "data/leftover.csv"

    @property
    def splits(self) -> Path:
        """The folder of the splits."""
        return self.root / "data/splits"

    @property
    def tokens(self) -> Path:
        """The folder of the splits' token ids."""
        return self.root / "data/tokens"

    def split_csv(self, split: str) -> Path:
        """The messages of one split, columns Label and Text.

        Args:
            split: a name of SPLITS, or LEFTOVER_SPLIT.
        """
        return self.leftover if split == LEFTOVER_SPLIT else self.splits / f"{split}.csv"

    def split_tokens(self, split: str) -> Path:
        """The token ids of one split.

        Args:
            split: a name of SPLITS, or LEFTOVER_SPLIT.
        """
        return self.tokens / f"{split}.safetensors"

    @property
    def leakage(self) -> Path:
        """How many texts of each other split have a copy or a near-duplicate in train."""
        return self.root / "reports/split/leakage.csv"

    @property
    def leakage_metrics(self) -> Path:
        """The shares of these texts."""
        return self.root / "reports/split/metrics.json"

    @property
    def tokens_metrics(self) -> Path:
        """The share of each split's texts that are cut."""
        return self.root / "reports/tokens/metrics.json"
