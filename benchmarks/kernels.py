"""From sizes to the function of a case's arrays that is timed."""

from collections.abc import Callable

import jax

from benchmarks import inputs
from benchmarks.sizes import Sizes
from benchmarks.spectral_peers import TOLERANCE
from ddal_jax import affinity, diffuse, knn_graph, spectrum
from ddal_jax.query import QuerySettings, query
from ddal_jax.selection import lowest
from ddal_jax.strategies import BADGE, Coreset, QueryStrategy, Scored, TypiClust


def knn(sizes: Sizes) -> Callable:
    """Builds the graph of features."""
    return lambda features: knn_graph(features, num_neighbors=sizes.neighbors)


def symmetric(sizes: Sizes) -> Callable:
    """Weighs and symmetrises a graph."""
    return lambda knn: affinity(knn, symmetrize="max")


def diffusion(sizes: Sizes) -> Callable:
    """Diffuses labels."""
    return lambda graph, mass, labeled: diffuse(graph, mass, labeled, num_steps=sizes.steps)


def diffusion_alone(sizes: Sizes) -> Callable:
    """Diffuses what a query is given, and asks nothing."""
    return lambda key, graph, mass, labeled: diffuse(graph, mass, labeled, num_steps=sizes.steps)


def question(sizes: Sizes) -> Callable:
    """Asks by the paper's rule on a given graph."""
    settings = QuerySettings(criterion="min_abs", diversity="none", ties="random")

    def ask(key, graph, mass, labeled):
        everyone = jax.numpy.ones_like(labeled)
        return query(
            key, graph, mass, labeled, everyone, settings=settings, query_size=sizes.batch, num_steps=sizes.steps
        )

    return ask


def batch(diversity: str) -> Callable[[Sizes], Callable]:
    """Returns the kernel of a batch rule on a given graph."""
    settings = QuerySettings(diversity=diversity)

    def kernel(sizes: Sizes) -> Callable:
        def ask(key, graph, mass, labeled, features):
            del features
            everyone = jax.numpy.ones_like(labeled)
            picked, _ = query(
                key, graph, mass, labeled, everyone, settings=settings, query_size=sizes.batch, num_steps=sizes.steps
            )
            return picked

        return ask

    return kernel


def margin(sizes: Sizes) -> Callable:
    """Asks by margin, on given probabilities."""
    return _strategy(Scored(score="margin"), sizes)


def coreset(sizes: Sizes) -> Callable:
    """Asks by greedy k-centre."""
    return _strategy(Coreset(), sizes)


def badge(sizes: Sizes) -> Callable:
    """Asks by BADGE."""
    return _strategy(BADGE(), sizes)


def typiclust(sizes: Sizes) -> Callable:
    """Asks by TypiClust with room for a cluster a label, as its publication has it."""
    return _strategy(TypiClust(max_num_clusters=inputs.most_known(sizes) + sizes.batch), sizes)


def _strategy(strategy: QueryStrategy, sizes: Sizes) -> Callable:
    def ask(key, pool):
        prepare_key, query_key = jax.random.split(key)
        return strategy.query(query_key, strategy.prepare(prepare_key, pool), pool, query_size=sizes.batch)

    return ask


def eigenpair(sizes: Sizes) -> Callable:
    """Finds the second eigenvector."""
    return lambda key, graph: spectrum(graph, num_pairs=2, tolerance=TOLERANCE, key=key)


def selection(sizes: Sizes) -> Callable:
    """Picks the lowest scores."""
    return lambda key, scores, labeled: lowest(key, scores, labeled, query_size=sizes.batch)
