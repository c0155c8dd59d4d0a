"""The one pass of a base model over texts that a probe needs: a row of features a text, which the store may have."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spampipe.data.tokens import TokenTable
from spampipe.models.choices import Precision
from spampipe.models.frozen_trunk import Model
from spampipe.models.probe import Probe
from spampipe.training import trunk_store
from spampipe.training.trunk_pass import Rows, distinct_rows, ingredients, kept, run_trunk


def features(model: Model, table: TokenTable, precision: Precision, name: str | None, store: Path | None) -> Tensor:
    """What a probe's head reads of each text; texts with the same tokens share one computation.

    Args:
        model: a probe; its trunk is loaded if it has to run.
        table: the N texts' tokens; of a part, the base model runs over the whole. Labels are not looked at.
        precision: what matrix products are computed in, `fp32` or `bf16`.
        name: for the progress line; None for no progress.
        store: the folder in which features are kept; None to keep these in memory only.

    Returns:
        (N, F * C) float32 on the CPU.
    """
    probe = model.network
    assert isinstance(probe, Probe)
    whole, chosen = table.whole or (table, np.arange(len(table)))
    input_ids, lengths = torch.from_numpy(whole.input_ids), torch.from_numpy(whole.lengths).long()
    first, copy_of = distinct_rows(input_ids, lengths)
    rows = Rows(input_ids[first], lengths[first], lengths[first])

    def fill(found: trunk_store.FloatArray) -> None:
        for batch, output in run_trunk(model, rows, precision, name):
            found[batch.numpy()] = output.numpy()

    def made_of() -> dict[str, Any]:
        return ingredients(model, rows, precision) | {"features": str(probe.features)}

    shape = (len(first), probe.head.in_features)
    return kept(store if trunk_store.fits(shape) else None, made_of, shape, fill)[copy_of[chosen]]
