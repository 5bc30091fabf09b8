"""Theorem 3: what the sign of phi_2 gets wrong on a mixture."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from ddal_jax.spectral import spectrum
from ddal_jax.theory.angles import sign_agreement, varying
from ddal_jax.theory.bounds import sigmas_between, sign_cut_error_bound, two_gaussians_bayes_error
from ddal_jax.theory.claims.pools import keys_of
from ddal_jax.theory.claims.types import Effort, NamedPool, Row, Verdict, grouped, mean_of
from ddal_jax.theory.tasks import SearchTask, mixture_task

_SIGMAS = (2.0, 3.0, 4.0, 5.0, 6.0)


def measure(effort: Effort, own: NamedPool | None) -> list[Row]:
    """Measures what the sign of phi_2 gets wrong on two Gaussians, by their distance and balance."""
    del own
    num_points = 200 if effort.quick else 1000
    seeds, keys = effort.seeds, keys_of(effort)
    rows = []
    for dimension, balancedness in ((2, 0.5), (2, 0.1)) if effort.quick else ((2, 0.5), (10, 0.5), (2, 0.1)):
        for sigmas in _SIGMAS[::2] if effort.quick else _SIGMAS:
            separation = sigmas / sigmas_between(1.0, dimension)
            task = mixture_task(
                seeds, dimension=dimension, separation=separation, balancedness=balancedness, num_points=num_points
            )
            errors, connected = map(np.asarray, _sign_errors(task, keys))
            rows += [
                {
                    "dimension": dimension,
                    "balancedness": balancedness,
                    "sigmas": sigmas,
                    "seed": seed,
                    "error": float(errors[seed]),
                    "connected": bool(connected[seed]),
                    "bound": sign_cut_error_bound(sigmas),
                    "bayes": two_gaussians_bayes_error(sigmas),
                }
                for seed in range(len(seeds))
            ]
    return rows


@jax.jit
def _sign_errors(task: SearchTask, keys) -> tuple[jax.Array, jax.Array]:
    def of_seed(task, key):
        found = spectrum(task.graph, tolerance=1e-8, key=key)
        phi = varying(task.graph, found.eigenvectors[:, 1])
        agreement = sign_agreement(phi, 2.0 * task.labels - 1, jnp.ones(task.labels.shape, bool))
        return 1 - agreement, found.eigenvalues[1] < 1 - 1e-9

    return jax.lax.map(lambda pair: of_seed(*pair), (task, keys))


def judge(rows: Sequence[Row]) -> list[Verdict]:
    """Compares the error of the sign cut with exp(-Delta^2 / 8), on equal halves and on all mixtures."""
    rule = "In no setting does the mean error exceed that (the o(1) of Eq. (15) taken as 0)."
    halves = [row for row in rows if row["balancedness"] == 0.5]
    return [
        Verdict(f"{statement} errs on a share of exp(-Delta^2 / 8) at most.", rule, *_beside_the_bound(own))
        for statement, own in (
            ("Theorem 3 carried over to phi_2: whatever the balance, as long as it is fixed, its sign", rows),
            ("On two equal halves the sign of phi_2", halves),
        )
    ]


def _beside_the_bound(rows: Sequence[Row]) -> tuple[bool, str]:
    """Tells whether no mean error exceeds its bound, and the settings that do, or else how near one comes."""
    ratios, over = [], []
    for (dimension, balancedness, sigmas), own in grouped(rows, "dimension", "balancedness", "sigmas").items():
        mean, bound = mean_of(own, "error"), own[0]["bound"]
        ratios.append(mean / bound)
        if mean > bound:
            place = f"d = {dimension}, beta = {balancedness:g}, Delta = {sigmas:g}"
            over.append(f"{mean:.4f} against {bound:.4f} at {place}")
    if over:
        return False, f"Above it: {'; '.join(over)}."
    return True, f"The mean error is {max(ratios):.2f} of it at most."
