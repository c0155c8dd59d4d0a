"""What can be chosen about the course of a training."""

from typing import Literal

Schedule = Literal["constant", "linear", "cosine"]  # how the learning rate goes after its warm-up
Keep = Literal["last", "best"]  # which epoch's tensors training leaves
ClassWeights = Literal["none", "balanced"]  # how much a text of each class counts in the loss
