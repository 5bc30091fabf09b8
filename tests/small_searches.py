"""Small tasks for searches, in float64, and what their labels tell by dense solves."""

import functools

import jax
import oracles

from ddal_jax.theory import search, tasks

SIDE, NUM_NODES, NUM_SEEDS = 5, 25, 4
IN_THE_LIMIT, BY_HALVING = functools.partial(search.batch_query, num_steps=None), search.s2_search


@functools.cache
def small(cut="ball"):
    return tasks.grid_task(SIDE, 2, cut=cut)


def keys(num_seeds=NUM_SEEDS, seed=0):
    return jax.random.split(jax.random.key(seed), num_seeds)


def dense_mass(weights, labels, labeled, num_steps):
    start = oracles.one_hot(labels, labeled, 2)
    if num_steps is None:
        return oracles.harmonic(weights, start, labeled)
    return oracles.clamped_diffusion(oracles.transition(weights), start, labeled, num_steps)
