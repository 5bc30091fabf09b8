"""What a loader returns."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int


class Split(NamedTuple):
    """A pool to label from and held-out points to judge on, apart.

    Attributes:
      inputs: the pool, float32.
      labels: its labels, int32 from 0.
      test_inputs: held-out points, float32.
      test_labels: their labels, int32.
    """

    inputs: Float[np.ndarray, "n d"]
    labels: Int[np.ndarray, " n"]
    test_inputs: Float[np.ndarray, "v d"]
    test_labels: Int[np.ndarray, " v"]
