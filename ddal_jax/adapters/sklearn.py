"""Label diffusion as a semi-supervised classifier of scikit-learn, with that project's words.

How it differs from `sklearn.semi_supervised.LabelPropagation`:

1. A row that no label reaches is said to be such, and keeps `missing_label`; it is never given a class in silence.
2. Missing labels may be -1, None, NaN or a string, and classes may be strings.
3. `predict` on a fitted row returns what diffusion gave that row.
4. The walk is cut after T steps, as in Section III of the paper, instead of being iterated until it settles.
"""

import warnings
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data

from ddal_jax.adapters.targets import encode, label_column
from ddal_jax.adapters.words import features_of, graph_settings
from ddal_jax.diffusion import diffuse, label_mass
from ddal_jax.graph.affinity import affinity
from ddal_jax.graph.hops import nearest_labels
from ddal_jax.graph.knn import knn_graph, num_candidates

_FLOATS = (np.float64, np.float32)
# New rows are measured against their neighbours in tiles of about so many numbers, of which one stands in memory.
_NUMBERS_IN_TILE = 2**22


class UnreachedWarning(UserWarning):
    """Some rows are out of reach of every label, so nothing is known about their class."""


class DiffusionClassifier(ClassifierMixin, BaseEstimator):
    """Classifies by diffusing the known labels over the graph of nearest neighbours.

    A row's class is the one whose labels a random walk from it, of at most T steps, is likeliest to meet first. A new
    row takes one step to its K nearest fitted rows, by the affinity of the graph, and goes on from there; the graph
    itself stays as it was fitted. A new row that coincides with fitted rows takes the mean of their distributions.

    Args:
      missing_label: what stands in `y` for an unknown label: a number, a string, None or NaN. None and NaN both mean
        any entry without a value.
      n_neighbors: K; all other rows where there are fewer.
      n_steps: T; by default the smallest T with K^T > N, at least 6.
      symmetrize: as in `ddal_jax.affinity`; "none" is the paper's directed graph.
      metric: "euclidean", or "cosine", which scales every row to length one first.

    Attributes:
      classes_: the classes in `y`, sorted.
      transduction_: `y` with every reached row filled in; unreached rows keep `missing_label`.
      label_distributions_: probability of each class given that a walk meets a label, `[n_samples, n_classes]`;
        uniform where none does.
      reached_: False where no label lies within T hops, so that nothing is known.
      hops_: edges to the nearest label, 0 at labelled rows, -1 where none reaches.
      n_neighbors_: K as used.
      n_steps_: T as used.
      n_features_in_: number of columns seen by `fit`.
      feature_names_in_: names of the columns, where they are all strings.

    Paper: Section III, with Eq. (1) to (3).
    """

    def __init__(
        self,
        *,
        missing_label: Any = -1,
        n_neighbors: Any = 10,
        n_steps: Any = None,
        symmetrize: Any = "max",
        metric: Any = "euclidean",
    ):
        self.missing_label = missing_label
        self.n_neighbors = n_neighbors
        self.n_steps = n_steps
        self.symmetrize = symmetrize
        self.metric = metric

    def fit(self, X: Any, y: Any) -> "DiffusionClassifier":
        """Builds the graph of all rows and diffuses the known labels over it.

        Args:
          X: features of all rows, labelled or not; used as float32.
          y: classes, with `missing_label` where unknown. At least one must be known.

        Raises:
          ValueError: bad shapes or values, no label at all, an unknown name.
          TypeError: settings that are no integers.

        Warns:
          UnreachedWarning: some rows are out of reach of every label.
        """
        X = validate_data(self, X, dtype=_FLOATS, ensure_min_samples=2)
        y = label_column(y, self.missing_label)
        check_consistent_length(X, y)
        self.classes_, codes = encode(y, self.missing_label)
        settings = graph_settings(
            len(X), n_neighbors=self.n_neighbors, n_steps=self.n_steps, symmetrize=self.symmetrize, metric=self.metric
        )
        self.n_neighbors_, self.n_steps_ = settings.num_neighbors, settings.steps_for(len(X))
        self._remember(_points(X, self.metric), codes)

        self.label_distributions_ = _distributions(self._mass)
        self.transduction_ = np.array(y)
        self.transduction_[self.reached_] = self.classes_[self._mass.argmax(axis=1)][self.reached_]
        _warn_of_unreached(self.reached_, "reached_ is False there and transduction_ keeps missing_label")
        return self

    def _remember(self, points: Float[np.ndarray, "n d"], codes: Int[np.ndarray, " n"]) -> None:
        """Keeps the diffused mass, and what new rows need in order to join the graph."""
        knn = knn_graph(points, num_neighbors=self.n_neighbors_)
        graph = affinity(knn, symmetrize=self.symmetrize)
        labeled = codes >= 0
        start = label_mass(codes, labeled, num_classes=len(self.classes_))
        self._mass = np.asarray(diffuse(graph, start, labeled, num_steps=self.n_steps_), np.float64)
        self.reached_ = self._mass.sum(axis=1) > 0
        hops = np.asarray(nearest_labels(graph, labeled, num_steps=self.n_steps_).hops)
        self.hops_ = np.where(self.reached_, hops, -1)
        self._points = points
        self._sq_widths = np.asarray(knn.sq_distances[:, -1], np.float64)
        self._nearest = NearestNeighbors(n_neighbors=num_candidates(self.n_neighbors_, len(points) + 1)).fit(points)

    def predict(self, X: Any) -> Shaped[np.ndarray, " m"]:
        """Returns the likeliest class of each row.

        Warns:
          UnreachedWarning: some rows are out of reach of every label; the answer there is the first class.
        """
        mass = self._mass_of(X)
        _warn_of_unreached(mass.sum(axis=1) > 0, "predict answers with the first class there")
        return self.classes_[mass.argmax(axis=1)]

    def predict_proba(self, X: Any) -> Float[np.ndarray, "m c"]:
        """Returns the probability of each class, in the order of `classes_`.

        Warns:
          UnreachedWarning: some rows are out of reach of every label; their probabilities are uniform.
        """
        mass = self._mass_of(X)
        _warn_of_unreached(mass.sum(axis=1) > 0, "their probabilities are uniform")
        return _distributions(mass)

    def reaches(self, X: Any) -> Bool[np.ndarray, " m"]:
        """Tells for each row whether any label reaches it; where none does, `predict` does not know."""
        return self._mass_of(X).sum(axis=1) > 0

    def _mass_of(self, X) -> Float[np.ndarray, "m c"]:
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=_FLOATS)
        points = _points(X, self.metric)
        rows_in_tile = max(
            1, _NUMBERS_IN_TILE // (self._nearest.n_neighbors * max(points.shape[1], len(self.classes_)))
        )
        return np.concatenate([self._mass_of_tile(points[rows]) for rows in gen_batches(len(points), rows_in_tile)])

    def _mass_of_tile(self, tile: Float[np.ndarray, "m d"]) -> Float[np.ndarray, "m c"]:
        # As in the graph: selected with spares, measured again by differences, ties by lower index.
        ids = np.sort(self._nearest.kneighbors(tile, return_distance=False), axis=1)
        differences = tile[:, None, :].astype(np.float64) - self._points[ids]
        sq_distances = (differences**2).sum(axis=2)
        nearest = np.argsort(sq_distances, axis=1, kind="stable")[:, : self.n_neighbors_]
        ids, sq_distances = (np.take_along_axis(found, nearest, axis=1) for found in (ids, sq_distances))

        weights = _WEIGHTS[self.symmetrize](sq_distances, sq_distances[:, -1:], self._sq_widths[ids])
        coincides = sq_distances == 0
        weights = np.where(coincides.any(axis=1, keepdims=True), coincides, weights)
        total = weights.sum(axis=1, keepdims=True)
        mass = np.einsum("mk,mkc->mc", weights, self._mass[ids])
        return mass / np.where(total > 0, total, 1.0)


def _points(X: Any, metric: str) -> Float[np.ndarray, "m d"]:
    """Returns rows as float32 points whose Euclidean distances order as the metric does."""
    points = np.asarray(features_of("X", X, metric))
    if metric == "cosine":
        # In float64, so that a row comes out the same in whatever company, and is known again.
        points = np.asarray(normalize(points.astype(np.float64)), np.float32)
    return points


def _distributions(mass: Float[np.ndarray, "m c"]) -> Float[np.ndarray, "m c"]:
    reach = mass.sum(axis=1, keepdims=True)
    return np.where(reach > 0, mass / np.where(reach > 0, reach, 1.0), 1.0 / mass.shape[1])


def _warn_of_unreached(reached: Bool[np.ndarray, " m"], consequence: str) -> None:
    if not reached.all():
        warnings.warn(
            f"{(~reached).sum()} of {len(reached)} rows are out of reach of every label: {consequence}. More labels, "
            "n_steps or n_neighbors carry further.",
            UnreachedWarning,
            stacklevel=3,
        )


def _kernel(sq_distances: Float[np.ndarray, "m k"], widths: Float[np.ndarray, "m _"]) -> Float[np.ndarray, "m k"]:
    return np.where(widths > 0, np.exp(-sq_distances / np.where(widths > 0, widths, 1.0)), 1.0)


def _mean(sq_distances, own, others):
    # A fitted row would list the new one if that were nearer than its K-th neighbour.
    back = np.where(sq_distances < others, _kernel(sq_distances, others), 0.0)
    return (_kernel(sq_distances, own) + back) / 2


def _mutual(sq_distances, own, others):
    return np.where(sq_distances < others, _kernel(sq_distances, np.minimum(own, others)), 0.0)


def _self_tuning(sq_distances, own, others):
    widths = np.sqrt(own) * np.sqrt(others)
    return _kernel(sq_distances, np.where(widths > 0, widths, np.maximum(own, others)))


# Weights of the edges from new rows to fitted ones, for each `symmetrize` of `ddal_jax.affinity`.
_WEIGHTS = {
    "max": lambda sq_distances, own, others: _kernel(sq_distances, np.maximum(own, others)),
    "mean": _mean,
    "mutual": _mutual,
    "self_tuning": _self_tuning,
    "none": lambda sq_distances, own, others: _kernel(sq_distances, np.broadcast_to(own, sq_distances.shape)),
}
