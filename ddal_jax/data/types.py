"""What a loader returns."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int


class Split(NamedTuple):
    """A pool to label from and held-out points to judge on, apart.

    Attributes:
      inputs: the pool, float32; images as height, width, channels.
      labels: its labels, int32 from 0.
      test_inputs: held-out points, float32.
      test_labels: their labels, int32.
      num_classes: C, whether or not each class occurs in the pool.
    """

    inputs: Float[np.ndarray, "n ..."]
    labels: Int[np.ndarray, " n"]
    test_inputs: Float[np.ndarray, "v ..."]
    test_labels: Int[np.ndarray, " v"]
    num_classes: int
