"""A map of a pool, from arrays to its file."""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int, Shaped

from ddal_jax import checks
from ddal_jax.disk import whole
from ddal_jax.graph.types import AnyGraph, check_graph
from ddal_jax.maps import layout, page
from ddal_jax.maps.columns import Propagated, columns

COLORS = ("predicted", "reach", "score")
_LAID_OUT_BY = {"pca": "principal components", "diffusion": "rank along the slowest walks of the graph"}


class Asked(NamedTuple):
    """One point that is to be labelled: its id, its rank from 1, and why."""

    id: str
    rank: int
    reason: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class MapSettings:
    """How a map is laid out and first shown.

    Attributes:
      layout: "pca", or "diffusion" (phi_2 and phi_3).
      color: what colours the points at first: "predicted", "reach" or "score".
      max_points: a larger pool is thinned to so many; asked points come first, then labelled ones, the rest is drawn.
      seed: of that draw, and of the search for eigenvectors.
    """

    layout: str = "pca"
    color: str = "predicted"
    max_points: int = 200_000
    seed: int = 0

    def __post_init__(self) -> None:
        checks.choice("layout", self.layout, layout.LAYOUTS)
        checks.choice("color", self.color, COLORS)
        checks.integer("max_points", self.max_points, low=1)
        checks.integer("seed", self.seed, low=0, high=2**32 - 1)


def write_map(
    path: str | os.PathLike[str],
    *,
    features: Shaped[np.ndarray, "n d"],
    graph: AnyGraph,
    ids: Sequence[str],
    classes: Sequence[str],
    propagated: Propagated,
    scores: Float[np.ndarray, " n"],
    queried: Sequence[Asked] = (),
    settings: MapSettings | None = None,
) -> Path:
    """Writes a pool as one HTML file to look at: who is near whom, what is known of each point, what is asked.

    The file loads nothing, and its policy has the browser refuse whatever is not its own script. It is written whole or
    not at all.

    Args:
      path: of the file.
      features: the pool, one row per point, finite.
      graph: on which the labels spread; gives the neighbours.
      ids: one per point.
      classes: their names, by code.
      propagated: what the known labels say of each point.
      scores: lower = label first; NaN where a point has none.
      queried: what is asked.
      settings: layout and first colours; the defaults if None.

    Returns:
      The path.

    Raises:
      ValueError: arrays of another length than `features`, a code that no class has, an id asked that is not in the
        pool, or asked twice.
      TypeError: `graph` is no graph, or a directed one for the layout "diffusion".
      OSError: the file cannot be written.
    """
    settings = settings or MapSettings()
    _check(features, check_graph("graph", graph), ids, classes, propagated, scores)
    rows_asked = _rows_asked(ids, queried)
    places = _places(features, graph, settings)
    rows = _rows_shown(propagated, rows_asked, settings)
    asked = [
        {"row": int(row), "rank": int(one.rank), "reason": one.reason}
        for row, one in zip(np.searchsorted(rows, rows_asked), queried, strict=True)
    ]
    told = {
        "about": _about(propagated, len(rows), settings),
        "color": settings.color,
        "ids": [str(ids[row]) for row in rows],
        "classes": [str(name) for name in classes],
        "queried": sorted(asked, key=lambda one: one["rank"]),
        **columns(places, graph, propagated, scores, rows),
    }
    with whole(Path(path)) as file:
        file.write(page.fill(told, title=f"Map of {len(ids):,} points"))
    return Path(path)


def _check(features: Any, graph: AnyGraph, ids: Any, classes: Any, propagated: Propagated, scores: Any) -> None:
    checks.rank("features", features, 2, "[n, d]")
    if not np.size(features):
        raise ValueError(f"features must have at least one row and one column; got shape {np.shape(features)}.")
    names = ("probabilities", "predicted", "runner_up", "reach", "hops", "nearest_labeled")
    parts = {name: getattr(propagated, name) for name in names}
    parts |= {"ids": np.empty(len(ids)), "scores": scores, "graph": graph.degrees}
    for name, part in parts.items():
        checks.length(name, part, len(features), "row of features")
    for name in ("predicted", "runner_up"):
        lowest, highest = parts[name].min(), parts[name].max()
        if lowest < -1 or highest >= len(classes):
            raise ValueError(
                f"{name} must lie in [-1, {len(classes) - 1}] for {len(classes)} classes; got {lowest} to {highest}."
            )


def _rows_asked(ids: Sequence[str], queried: Sequence[Asked]) -> Int[np.ndarray, " b"]:
    row_of = {str(name): row for row, name in enumerate(ids)} if queried else {}
    unknown = next((one.id for one in queried if one.id not in row_of), None)
    if unknown is not None:
        raise ValueError(f"queried must name ids of the pool; got {unknown!r}.")
    rows = np.array([row_of[one.id] for one in queried], np.int64)
    if len(np.unique(rows)) < len(rows):
        raise ValueError("queried must name each id once; one comes twice.")
    return rows


def _places(features: Shaped[np.ndarray, "n d"], graph: AnyGraph, settings: MapSettings) -> Float[np.ndarray, "n 2"]:
    if settings.layout == "pca":
        return layout.pca(features)
    return layout.diffusion(features, graph, seed=settings.seed)


def _rows_shown(
    propagated: Propagated, rows_asked: Int[np.ndarray, " b"], settings: MapSettings
) -> Int[np.ndarray, " m"]:
    """Chooses rows, in ascending order; what is asked is shown even beyond `max_points`."""
    num_points = len(propagated.hops)
    if num_points <= settings.max_points:
        return np.arange(num_points)
    turn = np.where(propagated.hops == 0, 1, 2)
    turn[rows_asked] = 0
    drawn = np.random.default_rng(settings.seed).permutation(num_points)
    order = drawn[np.argsort(turn[drawn], kind="stable")]
    return np.sort(order[: max(settings.max_points, len(rows_asked))])


def _about(propagated: Propagated, num_shown: int, settings: MapSettings) -> str:
    num_points = len(propagated.hops)
    sentences = [
        f"{num_points:,} points, {int((propagated.hops == 0).sum()):,} labelled, "
        f"{float((propagated.reach <= 0).mean()):.1%} out of every label's reach.",
        f"Laid out by {_LAID_OUT_BY[settings.layout]}.",
    ]
    if num_shown < num_points:
        sentences.insert(1, f"{num_shown:,} of them are shown.")
    return " ".join(sentences)
