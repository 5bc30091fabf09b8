"""The least time each kernel could take on this machine: its arithmetic or its traffic over a measured rate.

- A graph needs 2 N^2 d operations at the best product rate seen, that of its own tile shape included.
- A diffusion reads an index and a weight per edge and reads and writes the signal, once a step; where the signal
  exceeds the last-level cache of the CPU, each edge fetches its row's cache lines as well.
- A strategy that measures the pool from each pick, or from each centre of its clusters, needs those operations.
- A spectrum cannot do with less than one walk: its floor tells how many walks the time is worth.
- Anything else reads its arrays and writes its answer once, at the stream rate.
"""

import dataclasses
from typing import NamedTuple

import jax
import numpy as np

from benchmarks.inputs import is_key
from benchmarks.machine import Rates, last_level_cache, tile_product_rate
from benchmarks.sizes import Sizes

_CACHE_LINE = 64
_INDEX_AND_WEIGHT = 8
_USUAL_TURNS = 16


class Floor(NamedTuple):
    """A lower bound on time.

    Attributes:
      seconds: for all seeds together.
      definition: what was counted.
      rate: what it was divided by, GF/s or GB/s.
      unit: of the rate.
    """

    seconds: float
    definition: str
    rate: float
    unit: str


def knn(sizes: Sizes, arrays: tuple, answer, rates: Rates) -> Floor:
    """Bounds the exact graph by its distances."""
    rate = max(product_rate(rates), tile_product_rate(sizes.points, sizes.dims))
    work = 2 * sizes.points**2 * sizes.dims * sizes.seeds
    return Floor(work / (rate * 1e9), "2 N^2 d operations", rate, "GF/s")


def stream(sizes: Sizes, arrays: tuple, answer, rates: Rates) -> Floor:
    """Bounds a kernel by its arrays, read once, and its answer, written once."""
    # A random key is no traffic to speak of, and its type has no size in bytes.
    counted = [array for array in jax.tree.leaves((arrays, answer)) if not is_key(array)]
    traffic = sum(array.nbytes for array in counted)
    return Floor(traffic / (rates.stream * 1e9), "arrays read once, answer written once", rates.stream, "GB/s")


def diffusion(sizes: Sizes, arrays: tuple, answer, rates: Rates) -> Floor:
    """Bounds T steps by their traffic; `arrays` holds the graph first."""
    num_edges = int(np.count_nonzero(np.asarray(arrays[0].weights)))
    signal = 4 * sizes.points * sizes.classes * sizes.seeds
    traffic = _INDEX_AND_WEIGHT * num_edges + 2 * signal
    definition = "T (8 E + 8 N C) bytes"
    cache = last_level_cache()
    if jax.default_backend() == "cpu" and cache is not None and signal > cache * sizes.seeds:
        traffic += num_edges * _CACHE_LINE * -(-4 * sizes.classes // _CACHE_LINE)
        definition = "T (8 E + 8 N C + cache lines of E gathers) bytes"
    return Floor(sizes.steps * traffic / (rates.stream * 1e9), definition, rates.stream, "GB/s")


def query(sizes: Sizes, arrays: tuple, answer, rates: Rates) -> Floor:
    """Bounds a query by its diffusion and one reading of the result."""
    _, *start = arrays
    floor = diffusion(sizes, tuple(start), answer, rates)
    reading = 4 * sizes.points * sizes.classes * sizes.seeds / (rates.stream * 1e9)
    return floor._replace(seconds=floor.seconds + reading, definition=floor.definition + " + 4 N C bytes")


def batch(sizes: Sizes, arrays: tuple, answer, rates: Rates) -> Floor:
    """Bounds a batch by the diffusion of the classes and of one column more for every turn but the first."""
    _, *start, _ = arrays
    floor = query(sizes, arrays[:-1], answer, rates)
    columns = min(sizes.batch, _USUAL_TURNS) - 1
    column = diffusion(dataclasses.replace(sizes, classes=1), tuple(start), answer, rates)
    definition = f"{floor.definition} + {columns} T (8 E + 8 N) bytes"
    return floor._replace(seconds=floor.seconds + columns * column.seconds, definition=definition)


def single_turn(sizes: Sizes, arrays: tuple, answer, rates: Rates) -> Floor:
    """Bounds a batch picked in one turn like a query."""
    return query(sizes, arrays[:-1], answer, rates)


def coreset(sizes: Sizes, arrays: tuple, answer, rates: Rates) -> Floor:
    """Bounds k-centre greedy by the distances of all points to each pick."""
    return _products(2 * sizes.batch * sizes.points * sizes.dims, "B 2 N d operations", rates)


def badge(sizes: Sizes, arrays: tuple, answer, rates: Rates) -> Floor:
    """Bounds BADGE by the products of all gradients, as factors, with each pick."""
    work = 2 * sizes.batch * sizes.points * (sizes.dims + sizes.classes)
    return _products(work, "B 2 N (d + C) operations", rates)


def typiclust(sizes: Sizes, arrays: tuple, answer, rates: Rates) -> Floor:
    """Bounds TypiClust by the distances of its graph and of all points to all centres, once."""
    _, pool = arrays
    num_centres = sizes.batch + int(np.asarray(pool.labeled).sum())
    work = 2 * sizes.points * sizes.dims * (sizes.points + num_centres)
    return _products(work, "2 N d (N + M) operations, M centres", rates)


def spectrum(sizes: Sizes, arrays: tuple, answer, rates: Rates) -> Floor:
    """Bounds an eigenvector by one walk."""
    floor = diffusion(dataclasses.replace(sizes, classes=1, steps=1), arrays[1:], answer, rates)
    return floor._replace(definition="one walk: " + floor.definition)


def _products(work: int, definition: str, rates: Rates) -> Floor:
    rate = product_rate(rates)
    return Floor(work / (rate * 1e9), definition, rate, "GF/s")


def product_rate(rates: Rates) -> float:
    """Returns the best product rate of where ours runs."""
    return max(rates.xla_product, rates.numpy_product) if jax.default_backend() == "cpu" else rates.xla_product
