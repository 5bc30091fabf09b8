"""Importing is cheap, names are where they are promised, and the checkout names no machine."""

import inspect
import operator
import subprocess
from pathlib import Path

import pytest
from processes import run_python

import ddal_jax

ROOT = Path(__file__).parents[1]
KEYWORDS = {
    "knn_graph": ({"features"}, {"num_neighbors", "method", "block_size", "memory_budget"}),
    "affinity": ({"knn"}, {"symmetrize"}),
    "graph_from_edges": ({"senders", "receivers", "weights"}, {"num_nodes", "row_length", "directed"}),
    "walk": ({"graph", "signal"}, set()),
    "label_mass": ({"labels", "labeled"}, {"num_classes"}),
    "diffuse": ({"graph", "mass", "labeled"}, {"num_steps"}),
    "harmonic": ({"graph", "mass", "labeled"}, {"tolerance", "max_steps"}),
    "nearest_labels": ({"graph", "labeled"}, {"num_steps"}),
    "diversity.pick_mass": ({"graph", "picked", "labeled"}, {"num_steps"}),
    "diversity.coverage": ({"graph", "unreached", "stopped"}, {"num_steps"}),
    "diversity.local_minima": ({"graph", "order", "eligible"}, {"query_size"}),
    "diversity.redistribute": (
        {"key", "graph", "mass", "labeled", "eligible"},
        {
            "query_size",
            "num_steps",
            "num_rediffusions",
            "criterion",
            "ties",
            "pick_weight",
            "num_coverage_steps",
            "num_refine_steps",
            "outstanding",
        },
    ),
}


def test_importing_the_package_does_not_import_jax():
    script = "import sys, ddal_jax, ddal_jax.cli; print('jax' in sys.modules, 'numpy.linalg' in sys.modules)"

    assert run_python(script).split() == ["False", "False"]


def test_every_public_name_resolves_and_is_listed():
    for name in ddal_jax.__all__:
        if name == "strategies":
            continue
        assert getattr(ddal_jax, name) is not None
        assert name in dir(ddal_jax)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        ddal_jax.nonsense  # noqa: B018


@pytest.mark.parametrize("name", KEYWORDS)
def test_settings_are_keyword_only_and_arrays_are_not(name):
    arrays, settings = KEYWORDS[name]

    parameters = inspect.signature(operator.attrgetter(name)(ddal_jax)).parameters

    keyword_only = {word for word, p in parameters.items() if p.kind is inspect.Parameter.KEYWORD_ONLY}
    assert keyword_only == settings
    assert set(parameters) - keyword_only == arrays


@pytest.mark.parametrize("name", [name for name in ddal_jax.__all__ if name not in ddal_jax._MODULES])
def test_every_public_name_is_documented(name):
    documentation = inspect.getdoc(getattr(ddal_jax, name))

    assert documentation
    assert documentation.splitlines()[0].endswith((".", ":"))


def test_tracked_files_name_no_registry_and_no_machine_path():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    forbidden = [
        ".".join(["pypi", "org"]),
        "python" + "hosted",
        "/".join(["", "work", "main"]),
        "/".join(["", "root", ""]),
    ]

    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.suffix in {".gif", ".gz", ".npz", ".png"} or not path.exists():
            continue
        text = path.read_text(encoding="utf-8")
        assert not [word for word in forbidden if word in text], name
