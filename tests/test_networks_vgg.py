"""The frozen VGG-16: its weights file is read as it was meant, or refused; its features are those of the formula."""

import hashlib
import sys
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ddal_jax.networks import vgg, vgg_file
from ddal_jax.networks.architectures import VGG16
from ddal_jax.networks.build import network
from ddal_jax.networks.vgg import embed, random_vgg16
from ddal_jax.networks.vgg_file import find_vgg16_weights, load_vgg16

safetensors_numpy = pytest.importorskip("safetensors.numpy")

# VGG-16 as torchvision writes it: channels of each block, "M" where it pools, in places that count the ReLUs.
LAYOUT = [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"]
MEAN, DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
IMAGES = np.random.default_rng(1).random((3, 32, 64, 3), dtype=np.float32)


@pytest.fixture(scope="module")
def tensors():
    """Random weights under torchvision's names, kernels (O, I, H, W), and a head that nobody reads."""
    random, made, place, inputs = np.random.default_rng(0), {}, 0, 3
    for entry in LAYOUT:
        if entry == "M":
            place += 1
            continue
        kernel = random.standard_normal((entry, inputs, 3, 3), dtype=np.float32) * np.sqrt(2 / (9 * inputs))
        made[f"features.{place}.weight"] = kernel.astype(np.float32)
        made[f"features.{place}.bias"] = random.uniform(-0.1, 0.1, entry).astype(np.float32)
        place, inputs = place + 2, entry
    return made | {"head.fc.weight": np.zeros((2, 2), np.float32)}


@pytest.fixture(scope="module")
def weights_file(tensors, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "vgg16.safetensors"
    safetensors_numpy.save_file(tensors, path)
    return path


@pytest.fixture(scope="module")
def params(weights_file):
    return load_vgg16(weights_file)


def _features_by_hand(tensors, images):
    """Float64, channel first, in the file's own order throughout."""
    x = ((images.astype(np.float64) - MEAN) / DEVIATION).transpose(0, 3, 1, 2)
    place = 0
    for entry in LAYOUT:
        if entry == "M":
            n, channels, height, width = x.shape
            x = x.reshape(n, channels, height // 2, 2, width // 2, 2).max(axis=(3, 5))
            place += 1
            continue
        kernel, bias = tensors[f"features.{place}.weight"], tensors[f"features.{place}.bias"]
        padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
        x = np.tensordot(windows, kernel.astype(np.float64), axes=((1, 4, 5), (1, 2, 3))) + bias
        x = np.maximum(x, 0).transpose(0, 3, 1, 2)
        place += 2
    return x.reshape(len(images), -1)


def test_features_are_those_of_the_file_in_its_own_channel_order(tensors, params):
    features = embed(IMAGES, params, block_size=2)

    expected = _features_by_hand(tensors, IMAGES)
    assert features.dtype == np.float32
    assert features.shape == expected.shape == (3, 1024)
    # Thirteen layers of float32 sums of up to 4608 products; a wrong layout misses by the size of the features.
    np.testing.assert_allclose(features, expected, atol=2e-5 * expected.max())
    assert expected.std() > 0.1 * expected.max()


def test_images_of_32_pixels_have_512_features(params):
    seen = jax.eval_shape(vgg._embed_block, jnp.zeros((2, 32, 32, 3)), params)

    assert seen.shape == (2, 512)


@pytest.mark.slow
def test_a_trained_network_with_the_frozen_weights_gives_the_frozen_features(tensors, params):
    net = network(VGG16(widths=(5,), dropout=0.0), input_shape=(32, 64, 3), num_classes=1)
    start, state = jax.eval_shape(net.init, jax.random.key(0))
    leaves = {f"conv_{i}": layer._asdict() for i, layer in enumerate(params)}
    start = jax.tree.map_with_path(
        lambda path, leaf: (
            leaves[path[0].key][path[1].key] if path[0].key in leaves else jnp.full(leaf.shape, 0.01, leaf.dtype)
        ),
        start,
    )

    standard = jnp.asarray((IMAGES - MEAN) / DEVIATION, jnp.float32)
    seen = net.apply(start, state, standard, jax.random.key(0), train=False).features

    expected = 0.01 * _features_by_hand(tensors, IMAGES).sum(axis=1) + 0.01
    np.testing.assert_allclose(seen, np.repeat(expected[:, None], 5, axis=1), rtol=1e-4)  # sums of 1024 features


@pytest.mark.slow
def test_features_are_those_of_torch(tensors, params):
    torch = pytest.importorskip("torch")
    layers, place = [], 0
    for entry in LAYOUT:
        if entry == "M":
            layers.append(torch.nn.MaxPool2d(2))
            place += 1
            continue
        kernel, bias = (torch.tensor(tensors[f"features.{place}.{part}"]) for part in ("weight", "bias"))
        convolution = torch.nn.Conv2d(kernel.shape[1], kernel.shape[0], 3, padding=1)
        convolution.weight.data, convolution.bias.data = kernel, bias
        layers += [convolution, torch.nn.ReLU()]
        place += 2
    standard = torch.tensor(((IMAGES - MEAN) / DEVIATION).astype(np.float32)).permute(0, 3, 1, 2)

    with torch.no_grad():
        expected = torch.nn.Sequential(*layers)(standard).flatten(1).numpy()

    # Two float32 sums of up to 4608 products, thirteen layers deep.
    np.testing.assert_allclose(embed(IMAGES, params, block_size=3), expected, atol=2e-5 * expected.max())


@pytest.mark.slow
def test_random_kernels_keep_the_signal_alive():
    """He over the outputs: deviation sqrt(2 / (9 * outputs)), no bias; torchvision's own start."""
    net = network(VGG16(), input_shape=(32, 32, 3), num_classes=2)

    frozen = jax.jit(lambda key: random_vgg16(key)[1])(jax.random.key(0))
    trained = jax.jit(lambda key: net.init(key).params["conv_1"])(jax.random.key(0))

    for kernel, bias in (frozen, (trained["kernel"][...], trained["bias"][...])):
        assert float(jnp.std(kernel)) == pytest.approx(np.sqrt(2 / (9 * 64)), rel=0.02)  # 36,864 draws
        assert not np.any(bias)


def test_random_weights_have_the_shapes_of_the_file(params):
    drawn = jax.eval_shape(random_vgg16, jax.random.key(0))

    assert jax.tree.map(jnp.shape, params) == jax.tree.map(jnp.shape, drawn)


def test_a_file_cut_off_is_refused(weights_file, tmp_path):
    whole = weights_file.read_bytes()
    cut = tmp_path / "cut.safetensors"

    for length in (0, 100, len(whole) // 2, len(whole) - 1):
        cut.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="cut.safetensors must be a whole safetensors file; reading it gave"):
            load_vgg16(cut)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_vgg16(tmp_path / "nowhere.safetensors")


def _transposed(tensors):
    return {"features.5.weight": np.ascontiguousarray(tensors["features.5.weight"].transpose(2, 3, 1, 0))}


def _with(name, index, value):
    def change(tensors):
        changed = tensors[name].copy()
        changed.flat[index] = value
        return {name: changed}

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_transposed, r"^features.5.weight must be F32 of shape \[128, 64, 3, 3\]; got F32 of shape \[3, 3, 64, 128\]"),
        (
            lambda tensors: {"features.28.bias": tensors["features.28.bias"].astype(np.float16)},
            r"^features.28.bias must be F32 of shape \[512\]; got F16 of shape \[512\]",
        ),
        (
            _with("features.28.weight", -1, np.nan),
            "^features.28.weight must be finite; got NaN or infinity in 1 of 2359296 values",
        ),
        (_with("features.0.bias", 3, np.inf), "^features.0.bias must be finite; got NaN or infinity in 1 of 64 values"),
        (
            lambda tensors: {"features.30.bias": tensors["features.28.bias"]},
            "missing: none; unknown: features.30.bias",
        ),
    ],
)
def test_tensors_that_are_not_those_of_vgg16_are_refused(change, message, tensors, tmp_path):
    path = tmp_path / "changed.safetensors"
    safetensors_numpy.save_file(tensors | change(tensors), path)

    with pytest.raises(ValueError, match=message):
        load_vgg16(path)


def test_a_missing_tensor_is_named(tensors, tmp_path):
    path = tmp_path / "lacking.safetensors"
    safetensors_numpy.save_file({name: value for name, value in tensors.items() if name != "features.17.bias"}, path)

    with pytest.raises(ValueError, match=r"lacking.safetensors must hold .* missing: features.17.bias; unknown: none"):
        load_vgg16(path)


def test_without_safetensors_the_message_names_the_extra(weights_file, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)

    with pytest.raises(ImportError, match=r'pip install "ddal-jax\[weights\]"'):
        load_vgg16(weights_file)


@pytest.fixture
def hub(monkeypatch):
    """A hub's cache that holds what the test says; the environment names nothing."""
    held = {}
    module = types.ModuleType("huggingface_hub")
    module.try_to_load_from_cache = lambda repository, name: held.get((repository, name))
    monkeypatch.setitem(sys.modules, "huggingface_hub", module)
    monkeypatch.delenv("DDAL_JAX_VGG16", raising=False)
    return held


def test_a_path_comes_first_then_the_environment_then_the_cache(hub, tmp_path, monkeypatch):
    given, named, cached = (tmp_path / name for name in ("given", "named", "cached"))
    for path in (given, named, cached):
        path.write_bytes(path.name.encode())
    hub["timm/vgg16.tv_in1k", "model.safetensors"] = str(cached)
    monkeypatch.setattr(vgg_file, "HUB_SHA256", hashlib.sha256(b"cached").hexdigest())

    assert find_vgg16_weights() == cached
    monkeypatch.setenv("DDAL_JAX_VGG16", str(named))
    assert find_vgg16_weights() == named
    assert find_vgg16_weights(given) == given


@pytest.mark.parametrize("held", [None, object()])  # the second is how the hub says that it knows of no such file
def test_where_no_weights_are_the_message_says_what_to_fetch(held, hub):
    hub["timm/vgg16.tv_in1k", "model.safetensors"] = held

    with pytest.raises(FileNotFoundError) as refusal:
        find_vgg16_weights()

    for fact in ("timm/vgg16.tv_in1k", "model.safetensors", "57b026918159a6bf", "DDAL_JAX_VGG16"):
        assert fact in str(refusal.value)


def test_without_the_hubs_client_its_cache_is_not_asked(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    monkeypatch.delenv("DDAL_JAX_VGG16", raising=False)

    with pytest.raises(FileNotFoundError, match="VGG-16 weights"):
        find_vgg16_weights()


def test_a_path_to_nothing_is_refused_and_not_passed_over(hub, tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="path must name a file of VGG-16 weights; there is none at .*nowhere"):
        find_vgg16_weights(tmp_path / "nowhere")
    monkeypatch.setenv("DDAL_JAX_VGG16", str(tmp_path / "gone"))
    with pytest.raises(FileNotFoundError, match="DDAL_JAX_VGG16 must name a file .*gone"):
        find_vgg16_weights()


def test_a_cached_file_of_other_content_is_refused(hub, tmp_path):
    other = tmp_path / "other"
    other.write_bytes(b"something else")
    hub["timm/vgg16.tv_in1k", "model.safetensors"] = str(other)

    with pytest.raises(ValueError, match="other must have sha256 57b02691.*; got "):
        find_vgg16_weights()


@pytest.mark.usefixtures("plain_types")
@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (IMAGES[0], ValueError, r"images must have shape \[n, h, w, 3\] .*; got \(32, 64, 3\)"),
        (IMAGES[:, :31], ValueError, r"h and w at least 32; got \(3, 31, 64, 3\)"),
        (IMAGES[..., :1], ValueError, r"got \(3, 32, 64, 1\)"),
        (IMAGES[:0], ValueError, r"got \(0, 32, 64, 3\)"),
        ((255 * IMAGES).astype(np.uint8), TypeError, r"images must be floats .*; got dtype uint8 \(divide"),
        (255 * IMAGES, ValueError, r"images must lie in \[0, 1\]; got values from .* to 25"),
        (np.where(IMAGES > 0.5, np.nan, IMAGES), ValueError, r"images must lie in \[0, 1\]; got values from nan"),
    ],
)
def test_what_is_no_pool_of_images_is_refused(images, error, message):
    with pytest.raises(error, match=message):
        embed(images, (), block_size=2)


def test_an_empty_block_is_refused(params):
    with pytest.raises(ValueError, match="block_size must be at least 1; got 0"):
        embed(IMAGES, params, block_size=0)
