"""What a strategy sees and what it must answer."""

from typing import NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PyTree, Shaped

from ddal_jax.selection import Query

SPACES = ("features", "inputs")


class Pool(NamedTuple):
    """The pool as a trained network sees it. Parts that a strategy does not require are None.

    Attributes:
      features: penultimate activations in evaluation mode.
      probs: class probabilities of the network.
      mc_probs: class probabilities of repeated passes with dropout on.
      labels: known labels, -1 elsewhere: a strategy cannot peek.
      labeled: True where the label is known.
      inputs: what the network is given.
    """

    features: Float[Array, "n d"] | None
    probs: Float[Array, "n c"] | None
    mc_probs: Float[Array, "r n c"] | None
    labels: Int[Array, " n"]
    labeled: Bool[Array, " n"]
    inputs: Shaped[Array, "n ..."] | None = None

    def points(self, space: str) -> Float[Array, "n d"]:
        """Returns the pool as vectors in one of `SPACES`."""
        points = getattr(self, space)
        return points.reshape(points.shape[0], -1).astype(jnp.float32)


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
