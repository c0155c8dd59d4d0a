"""When training ends, and which epoch's tensors it leaves."""

from collections.abc import Mapping

import torch
from torch import Tensor

from spampipe.training.settings import TrainParams


class EarlyStopping:
    """Follows the validation loss from epoch to epoch, and keeps the trained tensors of the best one if asked to.

    Among several processes each decides from the same losses, so that all decide the same.

    Args:
        tensors: the trained tensors by name, which training changes in place.
        settings: `patience`, `prune_above` and `keep`.

    Attributes:
        best_epoch: the number of the epoch with the lowest validation loss, from 0; the first of several.
        reason: why training has ended, in words; empty until then.
    """

    def __init__(self, tensors: Mapping[str, Tensor], settings: TrainParams) -> None:
        self._tensors, self._settings = tensors, settings
        self._kept: dict[str, Tensor] = {}
        self._lowest = float("inf")
        self.best_epoch = 0
        self.reason = ""

    def add(self, epoch: int, validation_loss: float) -> bool:
        """Note how an epoch has come out.

        Args:
            epoch: its number, from 0.
            validation_loss: the mean over all validation texts; finite.

        Returns:
            Whether training ends here: the loss is above the epoch's in `prune_above`, or was no lower in
            `patience` epochs than before them.
        """
        if validation_loss < self._lowest:
            self._lowest, self.best_epoch = validation_loss, epoch
            if self._settings.keep == "best":  # not on the device, whose memory may be full
                self._kept = {name: tensor.detach().to("cpu", copy=True) for name, tensor in self._tensors.items()}
        limits, patience = self._settings.prune_above or [], self._settings.patience
        if epoch < len(limits) and validation_loss > limits[epoch]:
            self.reason = "the validation loss is above that of train.prune_above"
        elif patience is not None and epoch - self.best_epoch >= patience:
            self.reason = f"the validation loss was lowest after epoch {self.best_epoch + 1}"
        return bool(self.reason)

    def restore(self) -> None:
        """Give the tensors the values that they had after the best epoch, if those are to be kept."""
        with torch.no_grad():
            for name, tensor in self._kept.items():
                self._tensors[name].copy_(tensor)
