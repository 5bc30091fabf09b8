"""Diffusion queries as a strategy of scikit-activeml, with that project's words and contracts.

Utilities are minus our scores, so that the highest is asked first. Needs scikit-activeml.
"""

import collections
import dataclasses
import functools
import hashlib
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Shaped
from skactiveml.base import SingleAnnotatorPoolQueryStrategy
from skactiveml.utils import MISSING_LABEL, ExtLabelEncoder

from ddal_jax import scores
from ddal_jax.adapters.words import features_of, graph_settings, query_settings
from ddal_jax.diffusion import diffuse, label_mass, reach
from ddal_jax.diversity.masses import pick_mass
from ddal_jax.diversity.redistribution import BatchRule
from ddal_jax.graph.types import AnyGraph
from ddal_jax.pool_graph import pool_graph
from ddal_jax.query import DIVERSITIES, QuerySettings
from ddal_jax.scores import Criterion, PickTerm
from ddal_jax.suggestion import suggest


class DiffusionSampling(SingleAnnotatorPoolQueryStrategy):
    """Asks for the samples whose diffused label is weakest, starting with those that no label reaches.

    The graph stands on all samples, whatever the candidates, and is kept for the next query on the same samples. No
    classifier is needed, and no label either: without labels the samples are drawn apart from each other.

    Args:
      criterion: a name from `ddal_jax.scores`; "min_abs" is the paper's.
      diversity: batch rule: "redistribute", "local_minima", "coverage", or "none", which is the paper's. The first
        takes "root_reach_margin", "margin" and "min_abs" alone; by default it serves these, and "local_minima" all
        others. See `ddal_jax.suggest`.
      ties: what orders samples that nothing reaches: "random" or "coverage".
      n_neighbors: K; all other samples where there are fewer.
      n_steps: T; by default the smallest T with K^T > N, at least 6.
      symmetrize: as in `ddal_jax.affinity`; "none" is the paper's.
      metric: "euclidean" or "cosine".
      n_rediffusions: turns in which a batch is picked; by default the smaller of its size and 16.
      n_refine_steps: steps that replace T once every candidate is reached; for features that stay fixed.
      classes: all classes, where some may not have a label yet; by default those in `y`.
      missing_label: what stands in `y` for an unknown label.
      random_state: settles ties; the same state gives the same answer.

    Paper: Algorithm 1 on given features.
    """

    _kept: tuple[Any, AnyGraph | None] = (None, None)

    def __init__(
        self,
        criterion: Any = "root_reach_margin",
        diversity: Any = None,
        ties: Any = "random",
        n_neighbors: Any = 10,
        n_steps: Any = None,
        symmetrize: Any = "max",
        metric: Any = "euclidean",
        n_rediffusions: Any = None,
        n_refine_steps: Any = None,
        classes: Any = None,
        missing_label: Any = MISSING_LABEL,
        random_state: Any = None,
    ):
        super().__init__(missing_label=missing_label, random_state=random_state)
        self.criterion = criterion
        self.diversity = diversity
        self.ties = ties
        self.n_neighbors = n_neighbors
        self.n_steps = n_steps
        self.symmetrize = symmetrize
        self.metric = metric
        self.n_rediffusions = n_rediffusions
        self.n_refine_steps = n_refine_steps
        self.classes = classes

    def query(self, X: Any, y: Any, candidates: Any = None, batch_size: Any = 1, return_utilities: Any = False) -> Any:
        """Says which candidates to label next.

        Args:
          X: all samples, labelled or not.
          y: their labels, with `missing_label` where unknown. None need be known.
          candidates: indices of unlabelled samples; or samples, which are looked up among the unlabelled ones of `X`
            and join the graph where they are not among them; by default all unlabelled samples.
          batch_size: how many to ask for; shrunk with a warning where fewer are left.
          return_utilities: also return the utilities, an array of `batch_size` rows that is not built otherwise.

        Returns:
          Indices in the order picked, into `candidates` if those are samples, else into `X`. With `return_utilities`
          also, for each pick, the utilities of all candidates at its turn (higher = asked first), NaN at samples that
          are labelled, no candidates, or picked before. A turn of several picks keeps them apart, so only its first
          pick has the highest; equal utilities are settled by reach first, then by `ties`.

        Raises:
          ValueError: bad shapes or values, labelled candidates, an unknown name.
          TypeError: arguments of a wrong type.
        """
        X, y, candidates, batch_size, return_utilities = self._validate_data(
            X, y, candidates, batch_size, return_utilities, reset=True, check_X_dict={}
        )
        settings = query_settings(
            criterion=self.criterion,
            diversity=_usual_diversity(self.criterion) if self.diversity is None else self.diversity,
            ties=self.ties,
            n_rediffusions=self.n_rediffusions,
            n_refine_steps=self.n_refine_steps,
        )
        samples, rows = self._transform_candidates(candidates, X, y, allow_only_unlabeled=True)
        encoder: Any = ExtLabelEncoder(classes=self.classes, missing_label=self.missing_label_)
        labels = encoder.fit_transform(y)
        are_samples = rows is None
        if are_samples:
            X, rows = _join(X, labels < 0, samples)
            labels = np.pad(labels, (0, len(X) - len(labels)), constant_values=-1)
        graph, num_steps = self._graph_of(X)
        question = _Question(graph, labels, rows, max(2, len(encoder.classes_)), num_steps)
        indices = _pick(X, question, settings, batch_size, seed=self.random_state_.randint(2**31 - 1))
        if not return_utilities:
            return _place_of(indices, rows) if are_samples else indices
        utilities = _utilities(question, indices, settings)
        return (_place_of(indices, rows), utilities[:, rows]) if are_samples else (indices, utilities)

    def _graph_of(self, X: Shaped[np.ndarray, "n d"]) -> tuple[AnyGraph, int]:
        """Returns the graph of all samples and T; the graph of the last query serves again if nothing has changed."""
        settings = graph_settings(
            len(X), n_neighbors=self.n_neighbors, n_steps=self.n_steps, symmetrize=self.symmetrize, metric=self.metric
        )
        digest = hashlib.blake2b(np.ascontiguousarray(X).data).digest()
        asked_for = (digest, X.shape, X.dtype, dataclasses.replace(settings, num_steps=None))
        known_as, graph = self._kept
        if graph is None or known_as != asked_for:
            graph = pool_graph(features_of("X", X, self.metric), settings)
            self._kept = (asked_for, graph)
        return graph, settings.steps_for(len(X))


def _usual_diversity(criterion: Any) -> str:
    """Returns the house's batch rule, or, for a criterion that cannot count picks, the one that does without."""
    known = scores.CRITERIA.get(criterion) if isinstance(criterion, str) else None
    return "redistribute" if known is None or known in scores.PICK_TERMS else "local_minima"


class _Question(NamedTuple):
    """What is asked of the graph: known labels as codes (-1 where unknown), and the rows that may be asked."""

    graph: AnyGraph
    labels: Int[np.ndarray, " n"]
    rows: Int[np.ndarray, " m"]
    num_classes: int
    num_steps: int


def _join(
    X: Shaped[np.ndarray, "n d"], unlabeled: Bool[np.ndarray, " n"], samples: Shaped[np.ndarray, "m d"]
) -> tuple[Shaped[np.ndarray, "p d"], Int[np.ndarray, " m"]]:
    """Returns `X` with the samples that are not among its unlabelled rows appended, and the row of each sample."""
    free = collections.defaultdict(list)
    for row in np.flatnonzero(unlabeled)[::-1]:
        free[tuple(X[row].tolist())].append(row)
    rows, new = [], []
    for sample in samples:
        twins = free[tuple(sample.tolist())]
        rows.append(twins.pop() if twins else len(X) + len(new))
        if rows[-1] >= len(X):
            new.append(sample)
    return np.concatenate([X, np.reshape(new, (-1, X.shape[1]))]), np.array(rows, int)


def _pick(X, question: _Question, settings: QuerySettings, batch_size: int, *, seed: int) -> Int[np.ndarray, " b"]:
    if batch_size == 0:
        return np.zeros(0, int)
    answer = suggest(
        X, question.labels, query_size=batch_size, num_classes=question.num_classes, seed=seed,
        candidates=question.rows, graph=question.graph, num_steps=question.num_steps, **dataclasses.asdict(settings),
    )  # fmt: skip
    return answer.indices.astype(int)


def _place_of(indices: Int[np.ndarray, " b"], rows: Int[np.ndarray, " m"]) -> Int[np.ndarray, " b"]:
    order = np.argsort(rows)
    return order[np.searchsorted(rows, indices, sorter=order)]


def _utilities(
    question: _Question, indices: Int[np.ndarray, " b"], settings: QuerySettings
) -> Float[np.ndarray, "b n"]:
    """Returns minus the scores that stood before each pick, turn by turn as `diversity.redistribute` takes them."""
    sizes, pick_term = _turns(settings, question.num_steps, len(indices))
    utilities = np.full((len(indices), len(question.labels)), np.nan)
    num_steps, first = question.num_steps, 0
    for size in sizes:
        diffused, picks = _diffused(question, indices[:first], num_steps)
        left = np.setdiff1d(question.rows, indices[:first])
        explored = (np.asarray(reach(diffused) + picks)[left] > 0).all()
        if explored and settings.num_refine_steps is not None:
            num_steps = settings.num_refine_steps
            diffused, picks = _diffused(question, indices[:first], num_steps)
        values = _scores(diffused, picks, criterion=scores.CRITERIA[settings.criterion], pick_term=pick_term)
        utilities[first : first + size, left] = -np.asarray(values)[left]
        first += size
    for turn in range(len(indices)):
        utilities[turn, indices[:turn]] = np.nan
    return utilities


def _diffused(
    question: _Question, picked: Int[np.ndarray, " b"], num_steps: int
) -> tuple[Float[Array, "n c"], Float[Array, " n"]]:
    """Returns the diffused labels, and the mass that the picks so far send out."""
    labeled = question.labels >= 0
    mass = label_mass(question.labels, labeled, num_classes=question.num_classes)
    is_picked = np.zeros(len(labeled), bool)
    is_picked[picked] = True
    return (
        diffuse(question.graph, mass, labeled, num_steps=num_steps),
        pick_mass(question.graph, is_picked, labeled, num_steps=num_steps),
    )


def _turns(settings: QuerySettings, num_steps: int, batch_size: int) -> tuple[list[int], PickTerm | None]:
    """Returns the sizes of a batch's turns and how its picks count, None where they do not."""
    rule = DIVERSITIES[settings.diversity](
        BatchRule(
            criterion=scores.CRITERIA[settings.criterion],
            pick_term=None,
            num_rediffusions=settings.num_rediffusions,
            ties=settings.ties,
            num_steps=num_steps,
        )
    )
    if rule is None or batch_size == 0:
        return [batch_size], None
    return rule.sizes_of_turns(batch_size), rule.pick_term


@functools.partial(jax.jit, static_argnames=("criterion", "pick_term"))
def _scores(
    diffused: Float[Array, "n c"], picks: Float[Array, " n"], *, criterion: Criterion, pick_term: PickTerm | None
) -> Float[Array, " n"]:
    return criterion(diffused) + (0.0 if pick_term is None else pick_term(reach(diffused), picks))
