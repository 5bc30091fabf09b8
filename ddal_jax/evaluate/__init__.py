"""The judgement room: how well strategies label, from results alone, and what chance allows to say of it.

`compare` answers in one call and `report` writes it down; the other functions are its parts. All take records as
`experiments.results.read` returns them, of any number of tasks, and compute in NumPy's float64.
"""

from ddal_jax.evaluate.challenge import Duel
from ddal_jax.evaluate.checkpoint_means import MeanStanding, checkpoint_means
from ddal_jax.evaluate.comparison import compare
from ddal_jax.evaluate.course import Phases, Seconds, acquisition_seconds, phases
from ddal_jax.evaluate.curves import METRICS, Curves, curves
from ddal_jax.evaluate.measures import LabelsToTarget, area_under_curve, labels_to_target
from ddal_jax.evaluate.pairing import data_sets, refuse_unpaired_runs
from ddal_jax.evaluate.penalty import PairwisePenalty, pairwise_penalty
from ddal_jax.evaluate.ranks import Ranking, ranking
from ddal_jax.evaluate.report import report
from ddal_jax.evaluate.resampling import Bands, bands
from ddal_jax.evaluate.significance import holm, seeds_needed, signed_rank
from ddal_jax.evaluate.types import Comparison, Pair, Penalties, Standing, TaskComparison

__all__ = [
    "METRICS",
    "Bands",
    "Comparison",
    "Curves",
    "Duel",
    "LabelsToTarget",
    "MeanStanding",
    "Pair",
    "PairwisePenalty",
    "Penalties",
    "Phases",
    "Ranking",
    "Seconds",
    "Standing",
    "TaskComparison",
    "acquisition_seconds",
    "area_under_curve",
    "bands",
    "checkpoint_means",
    "compare",
    "curves",
    "data_sets",
    "holm",
    "labels_to_target",
    "pairwise_penalty",
    "phases",
    "ranking",
    "refuse_unpaired_runs",
    "report",
    "seeds_needed",
    "signed_rank",
]
