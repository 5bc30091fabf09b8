"""Diffusion-based active learning: which points of a pool to label next, and why."""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Where each public name lives. Nothing is imported, JAX included, before a name is used (PEP 562).
_HOME = {
    "knn_graph": "graph.knn",
    "affinity": "graph.affinity",
    "graph_from_edges": "graph.edges",
    "nearest_labels": "graph.hops",
    "components": "graph.components",
    "KNNGraph": "graph.types",
    "Graph": "graph.types",
    "DirectedGraph": "graph.types",
    "walk": "diffusion",
    "label_mass": "diffusion",
    "diffuse": "diffusion",
    "reach": "diffusion",
    "signed": "diffusion",
    "simplex": "diffusion",
    "recommended_num_steps": "diffusion",
    "harmonic": "limit",
    "HarmonicResult": "limit",
    "spectrum": "spectral",
    "Spectrum": "spectral",
    "Query": "selection",
    "suggest": "suggestion",
    "Suggestion": "suggestion",
}
_MODULES = ("diversity", "evaluate", "scores", "selection", "strategies", "theory")

__all__ = sorted([*_HOME, *_MODULES])  # pyright: ignore[reportUnsupportedDunderAll]  # literal tables, above

if TYPE_CHECKING:
    from ddal_jax import diversity, evaluate, scores, selection, strategies, theory
    from ddal_jax.diffusion import diffuse, label_mass, reach, recommended_num_steps, signed, simplex, walk
    from ddal_jax.graph.affinity import affinity
    from ddal_jax.graph.components import components
    from ddal_jax.graph.edges import graph_from_edges
    from ddal_jax.graph.hops import nearest_labels
    from ddal_jax.graph.knn import knn_graph
    from ddal_jax.graph.types import DirectedGraph, Graph, KNNGraph
    from ddal_jax.limit import HarmonicResult, harmonic
    from ddal_jax.selection import Query
    from ddal_jax.spectral import Spectrum, spectrum
    from ddal_jax.suggestion import Suggestion, suggest


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
