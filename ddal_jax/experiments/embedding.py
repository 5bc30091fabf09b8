"""Frozen embeddings of images, computed once and kept on disk."""

import hashlib
import os
import warnings
from pathlib import Path

import jax
import numpy as np
from jaxtyping import Float

from ddal_jax.data.types import Split
from ddal_jax.networks.vgg import VGG16Weights, embed, random_vgg16
from ddal_jax.networks.vgg_file import find_vgg16_weights, load_vgg16

_BLOCK_SIZE = 100


def embed_split(split: Split, embedding: str) -> Split:
    """Returns the split as a frozen embedding sees it; "none" leaves it as it is.

    Args:
      split: of images, but for "none".
      embedding: "none", "vgg16" or "vgg16-random".

    Raises:
      OSError: the pre-trained weights are not here; the message says what to fetch.
      ValueError: inputs that are no images.

    Paper: appendix d.
    """
    if embedding == "none":
        return split
    weights = _random() if embedding == "vgg16-random" else load_vgg16(find_vgg16_weights())
    inputs, test_inputs = (_kept_or_computed(images, weights) for images in (split.inputs, split.test_inputs))
    return split._replace(inputs=inputs, test_inputs=test_inputs)


def _random() -> VGG16Weights:
    warnings.warn(
        "VGG-16 HAS RANDOM WEIGHTS: these features are not the paper's, and no result may be read as if they were.",
        stacklevel=4,
    )
    return random_vgg16(jax.random.key(0))


def _kept_or_computed(images: Float[np.ndarray, "n h w 3"], weights: VGG16Weights) -> Float[np.ndarray, "n d"]:
    digest = hashlib.sha256(str(images.shape).encode() + np.ascontiguousarray(images).tobytes())
    for layer in weights:
        digest.update(np.asarray(layer.kernel).tobytes() + np.asarray(layer.bias).tobytes())
    path = features_folder() / f"vgg16-{digest.hexdigest()[:24]}.npy"
    if path.exists():
        return np.load(path, allow_pickle=False)
    features = embed(images, weights, block_size=min(_BLOCK_SIZE, len(images)))
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        np.save(file, features)
    os.replace(partial, path)
    return features


def features_folder() -> Path:
    """Returns where embeddings are kept: beside the data sets fetched."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("DDAL_JAX_DATA") or Path(home) / "ddal_jax" / "data") / "features"
