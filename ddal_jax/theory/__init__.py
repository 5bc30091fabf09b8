"""The theory made executable: convergence, cuts, reach, and how many queries it takes to find what is sought.

Graphs are as `affinity` or `graph_from_edges` make them, eigenpairs as `spectrum` finds them. What the paper claims is
measured and judged in `claims`; `ddal theory` writes it up.
"""

from ddal_jax.theory.angles import centered_cosine, cosine, sign_agreement
from ddal_jax.theory.bounds import (
    both_classes_probability,
    coupon_queries,
    s2_bound,
    sigmas_between,
    sign_cut_error_bound,
    theorem1_as_printed,
    theorem1_fit_unproved,
    two_gaussians_bayes_error,
)
from ddal_jax.theory.clamped import label_conductance, lemma_1, mean_mass, steps_needed
from ddal_jax.theory.convergence import (
    lazy_walk,
    measured_rate,
    power_iteration,
    predicted_rate,
    predicted_tangents,
    spectral_gap,
)
from ddal_jax.theory.cuts import cut_of_labeling, cut_weight, normalized_cut, rayleigh_quotient, sign_cut, volume
from ddal_jax.theory.reach import assumed_reach, queries_to_cover, reach_by_steps, recommend, steps_to_add_up
from ddal_jax.theory.readout import queries_until_right, share_wrong
from ddal_jax.theory.search import batch_query, random_search, s2_search
from ddal_jax.theory.separable import promised_queries, separable_case
from ddal_jax.theory.tasks import cut_of, diameter, grid_task, island_task, mixture_task

__all__ = [
    "assumed_reach",
    "batch_query",
    "both_classes_probability",
    "centered_cosine",
    "cosine",
    "coupon_queries",
    "cut_of",
    "cut_of_labeling",
    "cut_weight",
    "diameter",
    "grid_task",
    "island_task",
    "label_conductance",
    "lazy_walk",
    "lemma_1",
    "mean_mass",
    "measured_rate",
    "mixture_task",
    "normalized_cut",
    "power_iteration",
    "predicted_rate",
    "predicted_tangents",
    "promised_queries",
    "queries_to_cover",
    "queries_until_right",
    "random_search",
    "rayleigh_quotient",
    "reach_by_steps",
    "recommend",
    "s2_bound",
    "s2_search",
    "separable_case",
    "share_wrong",
    "sigmas_between",
    "sign_agreement",
    "sign_cut",
    "sign_cut_error_bound",
    "spectral_gap",
    "steps_needed",
    "steps_to_add_up",
    "theorem1_as_printed",
    "theorem1_fit_unproved",
    "two_gaussians_bayes_error",
    "volume",
]
