"""Every claim that the report judges, by name."""

from types import ModuleType

from ddal_jax.theory.claims import (
    counterexamples,
    eigenproblem,
    harmonic_limit,
    lemma1,
    minimal_cut,
    mixtures,
    power_iteration,
    reach,
    search,
    sign_cut,
)
from ddal_jax.theory.claims.types import Claim


def _claim(title: str, place: str, module: ModuleType) -> Claim:
    return Claim(title=title, place=place, measure=module.measure, judge=module.judge)


CLAIMS: dict[str, Claim] = {
    "eigenproblem": _claim("The eigenproblem", "Proposition 2, Eq. (11)", eigenproblem),
    "minimal-cut": _claim("The minimal normalised cut", "Eq. (7) and (12)", minimal_cut),
    "power-iteration": _claim("The iteration without labels held", "Proposition 1, Eq. (10)", power_iteration),
    "harmonic-limit": _claim("The iteration with labels held", "Eq. (4) and (5), Section IV-B", harmonic_limit),
    "lemma-1": _claim("Is the limit phi_2?", "Lemma 1", lemma1),
    "counterexamples": _claim("Small graphs that decide", "Lemma 1, Section III, Eq. (6)", counterexamples),
    "reach": _claim("The reach of a label", "Section IV-C", reach),
    "cut-search": _claim("Queries that find a cut", "Theorem 1, Eq. (8)", search),
    "mixture": _claim("Queries that settle a mixture", "Theorem 2", mixtures),
    "sign-cut": _claim("What the sign of phi_2 gets wrong", "Theorem 3, Eq. (15)", sign_cut),
}
