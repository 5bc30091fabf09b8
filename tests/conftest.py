"""Strictness lives in the test run: shapes and dtypes are checked at every call, and no rank is promoted silently."""

import os
import shutil
import tempfile

import hypothesis
import jax
import jaxtyping
import pytest
from jax._src import compiler

# Only modules imported after this line are checked, so it stands before any test imports the package.
jaxtyping.install_import_hook("ddal_jax", "beartype.beartype")
jax.config.update("jax_numpy_rank_promotion", "raise")

# The first example of a shape compiles, which no deadline survives; the same examples every run, so that a failure
# seen once is seen again.
hypothesis.settings.register_profile("suite", deadline=None, max_examples=20, derandomize=True, database=None)
hypothesis.settings.load_profile("suite")


def pytest_configure(config):
    """Lets the processes of one run share what they compile; each run starts with nothing compiled."""
    if "PYTEST_XDIST_WORKER" not in os.environ and "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        config.compiled = tempfile.mkdtemp(prefix="ddal_jax-tests-")
        os.environ["JAX_COMPILATION_CACHE_DIR"] = config.compiled
        os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.1"


def pytest_unconfigure(config):
    """Removes what was compiled."""
    if hasattr(config, "compiled"):
        shutil.rmtree(config.compiled, ignore_errors=True)


# What compiles fastest, of the options that this version of the compiler knows.
_QUICK = {"xla_cpu_use_fusion_emitters": False, "xla_cpu_parallel_codegen_split_count": 1}


@pytest.fixture(scope="session")
def quick_options():
    """Tells which options the compiler takes, as a program compiled with them shows."""
    try:
        jax.jit(lambda x: x + 1, compiler_options=_QUICK)(0)
    except jax.errors.JaxRuntimeError:
        return {}
    return _QUICK


@pytest.fixture(scope="module", autouse=True)
def _compiled_quickly_unless_optimized(request, quick_options):
    """Leaves out what takes the compiler half of its time, where a module does not ask for it.

    The modules on the kernels do, since bits and rounding are theirs; in the slow run all do. JAX has no door for
    options that hold for all programs but the environment, which holds for all modules.
    """
    quick = request.node.get_closest_marker("optimized") is None and "not slow" in request.config.option.markexpr
    was_quick = jax.config.read("jax_disable_most_optimizations")
    if was_quick != quick:
        jax.clear_caches()
    jax.config.update("jax_disable_most_optimizations", quick)
    with pytest.MonkeyPatch.context() as patch:
        if quick:
            patch.setattr(compiler, "get_compile_options", _with_options(compiler.get_compile_options, quick_options))
        yield


def _with_options(get_compile_options, options):
    def with_options(*arguments, env_options_overrides=None, **settings):
        chosen = options | (env_options_overrides or {})
        return get_compile_options(*arguments, env_options_overrides=chosen, **settings)

    return with_options


@pytest.fixture(scope="module")
def in_float64():
    """Switches JAX's x64 mode on for a module."""
    from ddal_jax.precision import double

    with double():
        yield


@pytest.fixture
def plain_types():
    """Switches the type checks off, so that bad input meets the library's own refusal as in a user's run."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Keeps both caches of fetched data in a folder of the test's own, and the test off the network."""
    monkeypatch.setenv("DDAL_JAX_DATA", str(tmp_path / "ours"))
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "theirs"))
    monkeypatch.setattr("sklearn.datasets._openml.time.sleep", lambda seconds: None)
    return tmp_path


@pytest.fixture
def connect(monkeypatch, request):
    """Replaces what scikit-learn opens addresses with."""
    if "network" not in request.keywords:
        pytest.importorskip("pandas")
    return lambda server: monkeypatch.setattr("sklearn.datasets._openml.urlopen", server)


@pytest.fixture
def leave_jax_as_it_is(monkeypatch):
    """A command prepares JAX for its own process; here JAX is already at work."""
    monkeypatch.setattr("ddal_jax.cli.run.prepare_jax", lambda: None)
    monkeypatch.setattr("ddal_jax.cli.demo.prepare_jax", lambda: None)
    monkeypatch.setattr("ddal_jax.cli.doctor.prepare_jax", lambda: None)
