"""scikit-learn's bundled handwritten digits: 1,797 images of 8 x 8, ten classes. Nothing is downloaded."""

import numpy as np
import sklearn.datasets

from ddal_jax.data.types import Split

NUM_FEATURES = 64
NUM_CLASSES = 10
NUM_IMAGES = 1797
NUM_TEST = 500
_LARGEST_PIXEL = 16


def digits(seed: int) -> Split:
    """Splits the digits at random, without a look at the labels: 500 held out, the other 1,297 are the pool.

    Args:
      seed: of the split.
    """
    images, labels = map(np.asarray, sklearn.datasets.load_digits(return_X_y=True))
    if images.shape != (NUM_IMAGES, NUM_FEATURES):
        raise ValueError(f"digits must have shape {(NUM_IMAGES, NUM_FEATURES)}; scikit-learn gave {images.shape}.")
    order = np.random.default_rng(seed).permutation(NUM_IMAGES)
    images = (images / _LARGEST_PIXEL).astype(np.float32)[order]
    labels = labels.astype(np.int32)[order]
    return Split(images[NUM_TEST:], labels[NUM_TEST:], images[:NUM_TEST], labels[:NUM_TEST], NUM_CLASSES)
