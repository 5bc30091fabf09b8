"""TypiClust: from clusters that hold no label yet, the most typical points.

Where this differs from the publication and its program:

1. Features are those of the pool, as the network gives them; theirs come from self-supervised training.
2. Typicality is measured once per retraining in the whole pool, K = 20 neighbours labelled or not; theirs in the
   cluster, without its labelled points, with min(20, half the cluster) neighbours.
3. K-means takes a fixed number of Lloyd steps from a k-means++ seeding that the key decides; theirs runs to
   convergence, in minibatches beyond 50 clusters.
4. Small clusters come last; theirs are dropped, and a batch may then find too few points. Their text drops clusters of
   fewer than 5 points, their program of 5 too; we follow the text.
5. Clusters are visited in turn as in their program, but one that has run out of points is passed over.
6. Ties between clusters of a size and points of a typicality are drawn by lot.

Reference: Hacohen, Dekel and Weinshall, "Active learning on a budget: opposite strategies suit high and low budgets",
2022.
"""

import dataclasses

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from ddal_jax import checks
from ddal_jax.graph.knn import knn_graph
from ddal_jax.selection import Query
from ddal_jax.strategies.base import Pool
from ddal_jax.strategies.kmeans import kmeans
from ddal_jax.strategies.picking import draw_lots, query_in_turn


@dataclasses.dataclass(frozen=True, kw_only=True)
class TypiClust:
    """Asks typical points of clusters without labels, large clusters first.

    As many clusters as labels after the batch, at most `max_num_clusters`. The picks have an order but no comparable
    values, so the score is the place in the batch.

    Attributes:
      num_neighbors: K, whose mean distance measures typicality; all others in a smaller pool.
      max_num_clusters: also the room that k-means takes, whatever the number of labels.
      min_cluster_size: smaller clusters are asked last.
      num_kmeans_steps: Lloyd steps.
    """

    num_neighbors: int = 20
    max_num_clusters: int = 500
    min_cluster_size: int = 5
    num_kmeans_steps: int = 10

    def __post_init__(self) -> None:
        checks.integer("num_neighbors", self.num_neighbors, low=1)
        checks.integer("max_num_clusters", self.max_num_clusters, low=1)
        checks.integer("min_cluster_size", self.min_cluster_size, low=1)
        checks.integer("num_kmeans_steps", self.num_kmeans_steps, low=0)

    @property
    def requires(self) -> frozenset[str]:
        """See `QueryStrategy`."""
        return frozenset({"features"})

    def prepare(self, key: jax.Array, pool: Pool) -> Float[Array, " n"]:
        """Measures the mean distance to the K nearest neighbours: the lower, the more typical."""
        del key
        assert pool.features is not None
        num_neighbors = min(self.num_neighbors, pool.labeled.shape[0] - 1)
        return jnp.sqrt(knn_graph(pool.features, num_neighbors=num_neighbors).sq_distances).mean(axis=1)

    def query(self, key: jax.Array, prepared: Float[Array, " n"], pool: Pool, *, query_size: int) -> Query:
        """Clusters the pool and visits the clusters in turn."""
        assert pool.features is not None
        kmeans_key, pick_key = jax.random.split(key)
        capacity = min(self.max_num_clusters, pool.labeled.shape[0])
        clusters = kmeans(
            kmeans_key, pool.features, jnp.minimum(pool.labeled.sum() + query_size, capacity),
            capacity=capacity, num_steps=self.num_kmeans_steps,
        )  # fmt: skip
        indices = visit_clusters(
            pick_key, clusters, prepared, pool.labeled,
            capacity=capacity, query_size=query_size, min_cluster_size=self.min_cluster_size,
        )  # fmt: skip
        return query_in_turn(indices)


def visit_clusters(
    key: jax.Array,
    clusters: Int[Array, " n"],
    mean_distances: Float[Array, " n"],
    labeled: Bool[Array, " n"],
    *,
    capacity: int,
    query_size: int,
    min_cluster_size: int,
) -> Int[Array, " b"]:
    """Picks the most typical unlabelled point of each cluster in turn, then the next most typical.

    Clusters with the fewest labels come first, of these the largest; small ones when the others are exhausted.

    Args:
      key: decides ties; used once.
      clusters: of each point.
      mean_distances: low where a point is typical.
      labeled: True where a point must not be picked.
      capacity: clusters are numbered below it. Static.
      query_size: B. Static.
      min_cluster_size: of a cluster that is not small. Static.

    Returns:
      Indices, all different; -1 in the last places when fewer than B points are left.
    """
    n = clusters.shape[0]
    point_key, cluster_key = jax.random.split(key)
    sizes = jnp.zeros(capacity, jnp.int32).at[clusters].add(1)
    labels_each = jnp.zeros(capacity, jnp.int32).at[clusters].add(labeled.astype(jnp.int32))
    turns = _ranks(labels_each, -sizes, draw_lots(cluster_key, capacity))

    # Sorted by cluster, and within it by what is asked first, a point's place less that of its cluster is its round.
    places = _ranks(clusters, labeled.astype(jnp.int32), mean_distances, draw_lots(point_key, n))
    rounds = places - (jnp.cumsum(sizes) - sizes)[clusters]
    small = (sizes < min_cluster_size).astype(jnp.int32)[clusters]
    order = _ranks(labeled.astype(jnp.int32), small, rounds, turns[clusters])

    asked = jnp.where((order < query_size) & ~labeled, order, query_size)
    everyone = jnp.arange(n, dtype=jnp.int32)
    return jnp.full(query_size, -1, jnp.int32).at[asked].set(everyone, mode="drop")


def _ranks(*keys: Array) -> Int[Array, " n"]:
    """Returns the place of each entry in the order of the keys, the first key foremost."""
    everyone = jnp.arange(keys[0].shape[0], dtype=jnp.int32)
    order = lax.sort((*keys, everyone), num_keys=len(keys))[-1]
    return jnp.zeros_like(everyone).at[order].set(everyone)
