"""What a strategy sees and what it must answer."""

from typing import NamedTuple, Protocol, runtime_checkable

import jax
from jaxtyping import Array, Bool, Float, Int, PyTree

from ddal_jax.selection import Query


class Pool(NamedTuple):
    """The pool as a trained network sees it. Parts that a strategy does not require are None.

    Attributes:
      features: penultimate activations in evaluation mode.
      probs: class probabilities of the network.
      mc_probs: class probabilities of repeated passes with dropout on.
      labels: known labels, -1 elsewhere: a strategy cannot peek.
      labeled: True where the label is known.
    """

    features: Float[Array, "n d"] | None
    probs: Float[Array, "n c"] | None
    mc_probs: Float[Array, "r n c"] | None
    labels: Int[Array, " n"]
    labeled: Bool[Array, " n"]


@runtime_checkable
class QueryStrategy(Protocol):
    """Decides which points to label next. Implementations are frozen dataclasses: hashable, without arrays.

    Between two retrainings `prepare` runs once and `query` once per sub-batch, each time with all labels known by then.
    Both are traced under `jit` and `vmap`.
    """

    @property
    def requires(self) -> frozenset[str]:
        """The optional parts of `Pool` that must be there."""
        ...

    def prepare(self, key: jax.Array, pool: Pool) -> PyTree:
        """Computes what stays fixed until the network is trained again."""
        ...

    def query(self, key: jax.Array, prepared: PyTree, pool: Pool, *, query_size: int) -> Query:
        """Picks up to `query_size` unlabelled points, best first, none twice."""
        ...
