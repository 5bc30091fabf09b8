"""Frozen embeddings of images, computed once and kept on disk."""

import functools
import hashlib
import warnings
from collections.abc import Sequence

import jax
import numpy as np
from jaxtyping import Float

from ddal_jax.data import cache
from ddal_jax.data.types import Split
from ddal_jax.networks.vgg import VGG16Weights, embed, random_vgg16
from ddal_jax.networks.vgg_file import find_vgg16_weights, load_vgg16

_BLOCK_SIZE = 100


def check_embedding(embedding: str) -> None:
    """Refuses an embedding whose weights are not here, before any data are fetched.

    Raises:
      FileNotFoundError: says what to fetch and where to put it.
    """
    if embedding == "vgg16":
        find_vgg16_weights()


def embed_splits(splits: Sequence[Split], embedding: str) -> list[Split]:
    """Returns splits as a frozen embedding sees them; "none" leaves them as they are.

    Args:
      splits: of images, but for "none".
      embedding: "none", "vgg16" or "vgg16-random".

    Raises:
      FileNotFoundError: the pre-trained weights are not here; the message says what to fetch.
      ValueError: inputs that are no images.

    Paper: appendix d.
    """
    if embedding == "none":
        return list(splits)
    weights = _random() if embedding == "vgg16-random" else load_vgg16(find_vgg16_weights())
    see = functools.partial(_kept_or_computed, weights=weights, mark=_mark(weights))
    return [split._replace(inputs=see(split.inputs), test_inputs=see(split.test_inputs)) for split in splits]


def _random() -> VGG16Weights:
    warnings.warn(
        "VGG-16 HAS RANDOM WEIGHTS: these features are not the paper's, and no result may be read as if they were.",
        stacklevel=4,
    )
    return random_vgg16(jax.random.key(0))


def _mark(weights: VGG16Weights) -> str:
    digest = hashlib.sha256()
    for layer in weights:
        digest.update(np.asarray(layer.kernel).tobytes() + np.asarray(layer.bias).tobytes())
    return digest.hexdigest()


def _kept_or_computed(
    images: Float[np.ndarray, "n h w 3"], *, weights: VGG16Weights, mark: str
) -> Float[np.ndarray, "n d"]:
    """Looks up or computes the features of a set of images; what order they come in does not matter."""
    digests = np.array([hashlib.sha256(image.tobytes()).hexdigest() for image in np.ascontiguousarray(images)])
    order = np.argsort(digests, kind="stable")
    name = hashlib.sha256("".join([mark, str(images.shape[1:]), *digests[order]]).encode()).hexdigest()[:24]
    path = cache.folder() / "features" / f"vgg16-{name}.npz"
    kept = cache.read(path)
    if kept is None:
        kept = {"features": embed(images[order], weights, block_size=min(_BLOCK_SIZE, len(images)))}
        cache.write(path, **kept)
    features = np.empty_like(kept["features"])
    features[order] = kept["features"]
    return features
