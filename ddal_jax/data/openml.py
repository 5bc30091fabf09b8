"""The paper's benchmarks from OpenML, fetched once by scikit-learn and kept as arrays.

scikit-learn keeps the text it downloaded (in its own data folder) and reads all of it each time, which takes minutes;
`ddal_jax.data.cache` keeps the arrays. The first reading needs pandas and, for SVHN, several GB of memory.
"""

import dataclasses
import http.client
import urllib.error
import warnings
from typing import Any

import numpy as np
import sklearn.datasets
from jaxtyping import Float, Int, UInt8

from ddal_jax.data import cache, pools
from ddal_jax.data.types import Split

_LARGEST_PIXEL = 255
_NUM_PROBES = 1000  # images that tell the layout

_DIGITS = tuple(range(10))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Source:
    """What is expected under an OpenML id.

    Attributes:
      name: of the data set.
      data_id: OpenML's id.
      num_train: rows of the official training set, which come first; all rows where there is none.
      num_test: rows of the official test set; 0 where there is none, and test points are drawn at random.
      shape: of one point; height, width and channels for an image of whole numbers from 0 to 255.
      file_labels: label in the file of each class, class 0 first.
      train_counts: points of each class in the official training set, which tell whether the rows come in that order.
      num_points: default size of the pool.
      num_drawn: default size of a test set drawn at random, where there is no official one.
    """

    name: str
    data_id: int
    num_train: int
    num_test: int
    shape: tuple[int, ...]
    file_labels: tuple[int, ...] = _DIGITS
    train_counts: tuple[int, ...] = ()
    num_points: int
    num_drawn: int = 0


MNIST = Source(
    name="mnist",
    data_id=554,
    num_train=60_000,
    num_test=10_000,
    shape=(28, 28, 1),
    train_counts=(5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
    num_points=10_000,
)
CIFAR10 = Source(
    name="cifar10",
    data_id=40927,
    num_train=50_000,
    num_test=10_000,
    shape=(32, 32, 3),
    train_counts=(5000,) * 10,
    num_points=50_000,
)
# The file writes the digit 0 as 10.
SVHN = Source(
    name="svhn",
    data_id=41081,
    num_train=73_257,
    num_test=26_032,
    shape=(32, 32, 3),
    file_labels=(10, *_DIGITS[1:]),
    train_counts=(4948, 13861, 10585, 8497, 7458, 6882, 5727, 5595, 5045, 4659),
    num_points=20_000,
)
OPENML155 = Source(
    name="openml155",
    data_id=155,
    num_train=829_201,
    num_test=0,
    shape=(10,),
    num_points=10_000,
    num_drawn=10_000,
)


def load(
    source: Source, seed: int, *, num_points: int | None = None, num_test: int | None = None, balanced: bool = False
) -> Split:
    """Draws a pool from the training rows of a benchmark; images come within [0, 1], tables with columns in [0, 1].

    Args:
      source: which benchmark.
      seed: of the draw.
      num_points: size of the pool; None takes the paper's, which for OpenML 155 is not given (10,000 then).
      num_test: held-out points; None takes the whole official test set, or 10,000 drawn at random for OpenML 155.
      balanced: as many points of each class in the pool, which looks at labels, as the paper does for MNIST and SVHN.

    Raises:
      ImportError: pandas is missing.
      ConnectionError: OpenML does not answer.
      ValueError: it answers with something else than expected, or there are fewer points than asked for.

    Paper: appendix c to f.
    """
    inputs, labels = fetch(source)
    num_classes = len(source.file_labels)
    num_points = source.num_points if num_points is None else num_points
    if source.num_test:
        pool, test = pools.choose(
            labels[: source.num_train],
            seed,
            num_held_out=source.num_test,
            num_classes=num_classes,
            num_points=num_points,
            num_test=num_test,
            balanced=balanced,
        )
        test = test + source.num_train
    else:
        pool, test = pools.hold_out(
            labels,
            seed,
            num_points=num_points,
            num_test=source.num_drawn if num_test is None else num_test,
            num_classes=num_classes,
            balanced=balanced,
        )
    return Split(_floats(inputs[pool]), labels[pool], _floats(inputs[test]), labels[test], num_classes)


def fetch(source: Source) -> tuple[UInt8[np.ndarray, "n h w c"] | Float[np.ndarray, "n d"], Int[np.ndarray, " n"]]:
    """Returns all rows, from the cache or else from OpenML: images as bytes, tables scaled to [0, 1]."""
    path = cache.folder() / f"openml-{source.data_id}.npz"
    found = cache.read(path)
    if found is not None:
        return found["inputs"], found["labels"]
    inputs, labels = _parse(source, *_download(source))
    cache.write(path, inputs=inputs, labels=labels)
    return inputs, labels


def _download(source: Source) -> tuple[np.ndarray, np.ndarray]:
    """Asks scikit-learn for the two arrays."""
    # float32 halves the memory; and as categories, which scikit-learn makes of nominal columns, whole numbers fail
    # with pandas 3. The class, in the last column, is left to pandas.
    columns = {column: np.float32 for column in range(int(np.prod(source.shape)))}
    try:
        bunch: Any = sklearn.datasets.fetch_openml(
            data_id=source.data_id, as_frame=False, read_csv_kwargs={"dtype": columns}
        )
        data, target = np.asarray(bunch["data"], np.float32), np.asarray(bunch["target"])
    except ImportError as error:
        raise ImportError(
            f'Reading {source.name} from OpenML needs pandas: pip install "ddal-jax[data]". Or name an .npz file of '
            "your own as the data."
        ) from error
    except (urllib.error.URLError, TimeoutError, ConnectionError, http.client.HTTPException) as error:
        raise ConnectionError(
            f"{source.name} could not be fetched from OpenML (data set {source.data_id}): {error}. Check the network "
            "and try again, or name an .npz file of your own as the data."
        ) from error
    except ValueError as error:
        raise ValueError(f"{source.name} could not be read from OpenML (data set {source.data_id}): {error}") from error
    return data, target


def _parse(source: Source, data: Float[np.ndarray, "n d"], target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    expected = (source.num_train + source.num_test, int(np.prod(source.shape)))
    if data.shape != expected:
        raise ValueError(f"{source.name} must have {expected[0]} rows and {expected[1]} columns; got {data.shape}.")
    if not np.isfinite([data.min(), data.max()]).all():
        raise ValueError(f"{source.name} must be finite; got missing or infinite values.")
    return _images(source, data) if _is_image(source) else _table(source, data), _classes(source, target)


def _classes(source: Source, target: np.ndarray) -> Int[np.ndarray, " n"]:
    """Numbers the labels of the file from 0; they come as numbers or as text, perhaps in quotes."""
    values, places = np.unique(target.astype(str), return_inverse=True)
    try:
        numbers = [float(value.strip("'\"")) for value in values]
    except ValueError:
        numbers = []
    if sorted(numbers) != sorted(source.file_labels):
        shown = ", ".join(values[:12])
        raise ValueError(f"{source.name} must have the classes {sorted(source.file_labels)}; got {shown}.")
    labels = np.array([source.file_labels.index(int(number)) for number in numbers], np.int32)[places]
    counts = np.bincount(labels[: source.num_train], minlength=len(values))
    if source.train_counts and tuple(counts) != source.train_counts:
        warnings.warn(
            f"The first {source.num_train} rows of {source.name} hold {counts.tolist()} points of each class, not "
            f"{list(source.train_counts)} as its official training set: pool and test set are then not the official.",
            stacklevel=2,
        )
    return labels


def _images(source: Source, data: Float[np.ndarray, "n d"]) -> UInt8[np.ndarray, "n h w c"]:
    """Folds rows into images, channel by channel or pixel by pixel, whichever gives the smoother images.

    CIFAR-10 is stored channel by channel. The layout of SVHN could not be looked up, and that of a wrong guess would go
    unnoticed; images are smooth, so that the right one shows. Whether rows or columns of pixels come first does not
    show: rows are assumed.
    """
    if data.min() < 0 or data.max() > _LARGEST_PIXEL:
        raise ValueError(f"{source.name} must lie in [0, {_LARGEST_PIXEL}]; got [{data.min():g}, {data.max():g}].")
    pixels = data.astype(np.uint8)
    if not np.array_equal(pixels, data):
        raise ValueError(f"{source.name} must hold whole numbers from 0 to {_LARGEST_PIXEL}; got fractions.")
    height, width, channels = source.shape
    by_channel = pixels.reshape(-1, channels, height, width).transpose(0, 2, 3, 1)
    by_pixel = pixels.reshape(-1, height, width, channels)
    return np.ascontiguousarray(min(by_channel, by_pixel, key=_roughness))


def _roughness(images: UInt8[np.ndarray, "n h w c"]) -> float:
    probes = images[:_NUM_PROBES].astype(np.int16)
    return float(sum(np.abs(np.diff(probes, axis=axis)).mean() for axis in (1, 2)))


def _table(source: Source, data: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
    """Scales each column to [0, 1] by its smallest and largest value, whatever the scale of the file is."""
    low, high = data.min(axis=0), data.max(axis=0)
    if (low == high).any():
        raise ValueError(f"{source.name} must have no constant column; column {int((low == high).argmax())} is one.")
    return (data - low) / (high - low)


def _floats(inputs: np.ndarray) -> Float[np.ndarray, "n ..."]:
    if inputs.dtype == np.uint8:
        return inputs.astype(np.float32) / np.float32(_LARGEST_PIXEL)
    return inputs


def _is_image(source: Source) -> bool:
    return len(source.shape) == 3
