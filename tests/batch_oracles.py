"""Reference answers for batch rules in float64 NumPy, one walk, one node, one pick at a time; M is dense."""

import numpy as np
import oracles

PICK_TERMS = {
    "min_abs": lambda reach, mass: mass,
    "margin": lambda reach, mass: mass,
    "root_reach_margin": lambda reach, mass: mass / np.sqrt(reach + mass) if mass > 0 else 0.0,
}


def pick_mass(matrix, picked, labeled, num_steps):
    """Follows a walk from each node: the chance that the first marked node it meets is a pick."""
    hits = np.zeros(len(matrix))
    for start in range(len(matrix)):
        present = np.zeros(len(matrix))
        present[start] = 1.0
        for step in range(num_steps + 1):
            hits[start] += present[picked & ~labeled].sum()
            present = np.where(picked | labeled, 0.0, present)
            if step < num_steps:
                present = present @ matrix
    return hits


def coverage(matrix, unreached, stopped, num_steps):
    """Counts the visits after the start of walks from all unreached nodes, each ended by a stopped node."""
    visits = np.zeros(len(matrix))
    for start in np.flatnonzero(unreached & ~stopped):
        present = np.zeros(len(matrix))
        present[start] = 1.0
        for _ in range(num_steps):
            present = present @ matrix
            visits += present
            present = np.where(stopped, 0.0, present)
    return visits


def adjacent(weights):
    """Sets of neighbours, whichever way the edge points."""
    return [set(np.flatnonzero((row > 0) | (column > 0))) for row, column in zip(weights, weights.T, strict=True)]


def local_minima(weights, order, contested, eligible, query_size):
    """Node by node; `order` lists nodes, best first."""
    beside = adjacent(weights)
    rank = {node: place for place, node in enumerate(order)}
    contenders, picks = {node for node in order if contested[node]}, []
    for _ in range(5):
        found = [i for i in order if i in contenders and all(rank[i] < rank[j] for j in beside[i] & contenders)]
        picks += found
        contenders -= set(found).union(*(beside[i] for i in found))
        if len(picks) >= query_size:
            return picks[:query_size]
    picks += [node for node in order if eligible[node] and node not in picks]
    return picks[:query_size]


def standing(matrix, mass, labeled, picked, criterion, *, num_steps, with_term=True):
    """Returns what every node is judged by once some are picked: its value, and whether it is unreached."""
    reach = mass.sum(axis=1)
    absorbed = pick_mass(matrix, picked, labeled, num_steps)
    values = np.array([oracles.criterion(criterion, row) for row in mass])
    if with_term:
        values += [PICK_TERMS[criterion](a, m) for a, m in zip(reach, absorbed, strict=True)]
    return values, ~labeled & ~picked & (reach == 0) & (absorbed == 0)


def batch_by_coverage(
    weights, start, labeled, eligible, criterion, sizes, *, num_steps, with_term=True, wide_until=0, wide_steps=0
):
    """Picks in turns, ties of exploration by coverage, all other ties by index.

    With fewer than `wide_until` labels and picks all is unreached, and coverage walks `wide_steps`.
    """
    matrix = oracles.transition(weights)
    mass = oracles.clamped_diffusion(matrix, start, labeled, num_steps)
    everyone = np.arange(len(weights))
    picked, picks = np.zeros(len(weights), bool), []
    for size in sizes:
        values, unreached = standing(matrix, mass, labeled, picked, criterion, num_steps=num_steps, with_term=with_term)
        wide = (labeled | picked).sum() < wide_until
        unreached = ~labeled & ~picked if wide else unreached
        covered = coverage(matrix, unreached, labeled | picked, wide_steps if wide else num_steps)
        visits = np.where(unreached, covered, 0.0)
        order = np.lexsort((everyone, np.where(unreached, -visits, values), ~unreached))
        may = eligible & ~labeled & ~picked
        turn = local_minima(weights, order[may[order]], may if with_term else may & unreached, may, size)
        picks += turn
        picked[turn] = True
    return picks
