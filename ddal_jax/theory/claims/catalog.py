"""Every claim that the report judges, by name."""

from ddal_jax.theory.claims import convergence, counterexamples, lemma1, mixtures, reach, search, spectra
from ddal_jax.theory.claims.types import Claim

CLAIMS: dict[str, Claim] = {
    "eigenproblem": Claim(
        title="The eigenproblem",
        place="Proposition 2, Eq. (11)",
        measure=spectra.measure_eigenproblem,
        judge=spectra.judge_eigenproblem,
    ),
    "minimal-cut": Claim(
        title="The minimal normalised cut",
        place="Eq. (7) and (12)",
        measure=spectra.measure_minimal_cut,
        judge=spectra.judge_minimal_cut,
    ),
    "power-iteration": Claim(
        title="The iteration without labels held",
        place="Proposition 1, Eq. (10)",
        measure=convergence.measure_power_iteration,
        judge=convergence.judge_power_iteration,
    ),
    "harmonic-limit": Claim(
        title="The iteration with labels held",
        place="Eq. (4) and (5), Section IV-B",
        measure=convergence.measure_harmonic_limit,
        judge=convergence.judge_harmonic_limit,
    ),
    "lemma-1": Claim(title="Is the limit phi_2?", place="Lemma 1", measure=lemma1.measure, judge=lemma1.judge),
    "counterexamples": Claim(
        title="Small graphs that decide",
        place="Lemma 1, Section III, Eq. (6)",
        measure=counterexamples.measure,
        judge=counterexamples.judge,
    ),
    "reach": Claim(title="The reach of a label", place="Section IV-C", measure=reach.measure, judge=reach.judge),
    "cut-search": Claim(
        title="Queries that find a cut", place="Theorem 1, Eq. (8)", measure=search.measure, judge=search.judge
    ),
    "mixture": Claim(
        title="Queries that settle a mixture",
        place="Theorem 2",
        measure=mixtures.measure_queries,
        judge=mixtures.judge_queries,
    ),
    "sign-cut": Claim(
        title="What the sign of phi_2 gets wrong",
        place="Theorem 3, Eq. (15)",
        measure=mixtures.measure_sign_cut,
        judge=mixtures.judge_sign_cut,
    ),
}
