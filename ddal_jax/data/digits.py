"""scikit-learn's bundled handwritten digits: 1,797 images of 8 x 8, ten classes. Nothing is downloaded."""

import numpy as np
import sklearn.datasets
from jaxtyping import Float, Int

from ddal_jax.data.types import Split

NUM_FEATURES = 64
NUM_CLASSES = 10
NUM_IMAGES = 1797
NUM_TEST = 500
NUM_RARE = 5
_COMMON_IN_POOL, _RARE_IN_POOL, _HELD_OUT_OF_EACH = 130, 15, 40
_LARGEST_PIXEL = 16


def digits(seed: int) -> Split:
    """Splits the digits at random, without a look at the labels: 500 held out, the other 1,297 are the pool.

    Args:
      seed: of the split.
    """
    images, labels = _all_digits()
    order = np.random.default_rng(seed).permutation(NUM_IMAGES)
    images, labels = images[order], labels[order]
    return Split(images[NUM_TEST:], labels[NUM_TEST:], images[:NUM_TEST], labels[:NUM_TEST], NUM_CLASSES)


def odd_or_even_digits(seed: int) -> Split:
    """Splits the digits as `digits` does; class 1 are the odd ones, 0 the even.

    Args:
      seed: of the split.
    """
    split = digits(seed)
    return split._replace(labels=split.labels % 2, test_labels=split.test_labels % 2, num_classes=2)


def imbalanced_digits(seed: int) -> Split:
    """Draws a pool with five common digits, 130 images of each, and five rare ones, 15 of each, in random order.

    The held-out images are 40 of each digit, so that rare ones count as much as the others.

    Args:
      seed: decides which digits are rare, and draws the images.
    """
    images, labels = _all_digits()
    random = np.random.default_rng(seed)
    is_rare = np.isin(np.arange(NUM_CLASSES), random.permutation(NUM_CLASSES)[:NUM_RARE])
    pool, test = [], []
    for digit in range(NUM_CLASSES):
        rows = random.permutation(np.flatnonzero(labels == digit))
        test.append(rows[:_HELD_OUT_OF_EACH])
        pool.append(rows[_HELD_OUT_OF_EACH:][: _RARE_IN_POOL if is_rare[digit] else _COMMON_IN_POOL])
    pool, test = (random.permutation(np.concatenate(part)) for part in (pool, test))
    return Split(images[pool], labels[pool], images[test], labels[test], NUM_CLASSES)


def _all_digits() -> tuple[Float[np.ndarray, "n 64"], Int[np.ndarray, " n"]]:
    images, labels = map(np.asarray, sklearn.datasets.load_digits(return_X_y=True))
    if images.shape != (NUM_IMAGES, NUM_FEATURES):
        raise ValueError(f"digits must have shape {(NUM_IMAGES, NUM_FEATURES)}; scikit-learn gave {images.shape}.")
    return (images / _LARGEST_PIXEL).astype(np.float32), labels.astype(np.int32)
