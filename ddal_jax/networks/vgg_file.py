"""Pre-trained VGG-16 weights from a safetensors file: where it is looked for, and what it must hold.

Nothing is fetched and nothing is unpickled. Needs the extra `weights`.
"""

import hashlib
import os
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ddal_jax.networks.vgg import CHANNELS, ConvWeights, VGG16Weights

HUB_MODEL = "timm/vgg16.tv_in1k"
HUB_FILE = "model.safetensors"
HUB_SHA256 = "57b026918159a6bf9faf8405c3a551903768e7138989d9c6224a14227203fad8"
PATH_VARIABLE = "DDAL_JAX_VGG16"
_PREFIX = "features."
# Places of the convolutions in torchvision's sequence, in which ReLU and pooling count too.
_PLACES = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)


def find_vgg16_weights(path: str | os.PathLike[str] | None = None) -> Path:
    """Finds the file of pre-trained weights.

    Looks at `path`, else at what the environment variable DDAL_JAX_VGG16 names, else into the local cache of the
    Hugging Face hub if `huggingface_hub` is installed. A cached file must be the one that we know, byte for byte.

    Raises:
      FileNotFoundError: no file there; the message says what to fetch and where to put it.
      ValueError: the cached file is another one.
    """
    for source, given in (("path", path), (PATH_VARIABLE, os.environ.get(PATH_VARIABLE))):
        if given:
            if not Path(given).is_file():
                raise FileNotFoundError(f"{source} must name a file of VGG-16 weights; there is none at {given}.")
            return Path(given)
    cached = _cached_file()
    if cached is None:
        raise FileNotFoundError(
            f"VGG-16 weights: no path given, {PATH_VARIABLE} is not set and the hub's cache has none. Fetch the file "
            f"{HUB_FILE} (553 MB, sha256 {HUB_SHA256}) of the model {HUB_MODEL} on the Hugging Face hub, put it "
            f"anywhere, and set {PATH_VARIABLE} to its path."
        )
    with cached.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != HUB_SHA256:
        raise ValueError(f"{cached} must have sha256 {HUB_SHA256}; got {found}. Remove it and fetch it again.")
    return cached


def load_vgg16(path: str | os.PathLike[str]) -> VGG16Weights:
    """Reads the convolutional part of a torchvision or timm VGG-16; the head is not read.

    Args:
      path: a safetensors file with float32 tensors `features.{0,2,5,...,28}.{weight,bias}`, kernels (O, I, H, W).

    Returns:
      The thirteen layers, kernels turned to (H, W, I, O).

    Raises:
      ImportError: safetensors is not installed.
      ValueError: not a whole safetensors file, or tensors of another name, shape, dtype, or with NaN or infinity.
    """
    safetensors = _safetensors()
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            _check_names(path, [name for name in file.keys() if name.startswith(_PREFIX)])  # noqa: SIM118
            sizes = zip(_PLACES, (3, *CHANNELS), CHANNELS, strict=False)
            return tuple(_layer(file, place, inputs, outputs) for place, inputs, outputs in sizes)
    except safetensors.SafetensorError as error:
        raise ValueError(f"{path} must be a whole safetensors file; reading it gave: {error}.") from error


def _layer(file, place: int, inputs: int, outputs: int) -> ConvWeights:
    kernel = _tensor(file, f"{_PREFIX}{place}.weight", [outputs, inputs, 3, 3])
    bias = _tensor(file, f"{_PREFIX}{place}.bias", [outputs])
    return ConvWeights(jnp.asarray(kernel.transpose(2, 3, 1, 0)), jnp.asarray(bias))


def _tensor(file, name: str, shape: list[int]) -> Float[np.ndarray, "..."]:
    """Reads one tensor, after a look at its shape and dtype in the header."""
    header = file.get_slice(name)
    if header.get_shape() != shape or header.get_dtype() != "F32":
        raise ValueError(
            f"{name} must be F32 of shape {shape}; got {header.get_dtype()} of shape {header.get_shape()}."
        )
    tensor = file.get_tensor(name)
    bad = int(np.sum(~np.isfinite(tensor)))
    if bad:
        raise ValueError(f"{name} must be finite; got NaN or infinity in {bad} of {tensor.size} values.")
    return tensor


def _check_names(path, names: list[str]) -> None:
    expected = {f"{_PREFIX}{place}.{part}" for place in _PLACES for part in ("weight", "bias")}
    missing, unknown = sorted(expected - set(names)), sorted(set(names) - expected)
    if missing or unknown:
        raise ValueError(
            f"{path} must hold {_PREFIX}N.weight and .bias for N in {_PLACES} and no other {_PREFIX}*; "
            f"missing: {', '.join(missing) or 'none'}; unknown: {', '.join(unknown) or 'none'}."
        )


def _cached_file() -> Path | None:
    try:
        from huggingface_hub import try_to_load_from_cache  # pyright: ignore[reportMissingImports]  (optional extra)
    except ImportError:
        return None
    found = try_to_load_from_cache(HUB_MODEL, HUB_FILE)
    return Path(found) if isinstance(found, str) else None


def _safetensors():
    try:
        import safetensors
    except ImportError as error:
        raise ImportError('VGG-16 weights need safetensors: pip install "ddal-jax[weights]".') from error
    return safetensors
