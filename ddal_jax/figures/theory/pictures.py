"""Which claims have a picture, and the drawing of all of them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ddal_jax.figures.theory import cuts, iterations, lemma, searches
from ddal_jax.theory.claims.types import Row

# The other claims are tables.
PICTURES: dict[str, Callable[[Sequence[Row], Path], None]] = {
    "power-iteration": iterations.power_iteration,
    "harmonic-limit": iterations.harmonic_limit,
    "lemma-1": lemma.lemma_1,
    "minimal-cut": cuts.minimal_cut,
    "cut-search": searches.cut_search,
    "mixture": searches.mixture,
    "reach": searches.reach,
    "sign-cut": cuts.sign_cut,
}


def draw(rows: Mapping[str, Sequence[Row]], folder: Path) -> dict[str, str]:
    """Draws a picture of each claim that has one, into a folder that exists, and returns the names of the files."""
    names = {name: f"{name}.png" for name in PICTURES if rows.get(name)}
    for name, file in names.items():
        PICTURES[name](rows[name], folder / file)
    return names
