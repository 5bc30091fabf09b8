"""Reference answers in float64 NumPy and SciPy, written to be read and not to be fast.

Everything here works on dense matrices: W with W[i, j] the weight of the edge i -> j, and M = D^-1 W. None of it uses
the table of rows, the matrix form of distances or the label mass as a route to chi and q.
"""

from collections import deque

import numpy as np
import scipy.linalg
import scipy.sparse


def squared_distances(features):
    """Every pair by differences of the float32 features, the diagonal included."""
    points = np.asarray(features, np.float32).astype(np.float64)
    return np.stack([((points - point) ** 2).sum(axis=1) for point in points])


def nearest_neighbors(features, num_neighbors):
    """The K nearest of every point in order of (distance, index), the point itself left out by index."""
    measured = squared_distances(features)
    everyone = np.arange(len(measured))
    neighbors = []
    for i, row in enumerate(measured):
        in_order = np.lexsort((everyone, row))
        neighbors.append(in_order[in_order != i][:num_neighbors])
    neighbors = np.stack(neighbors)
    return neighbors, np.take_along_axis(measured, neighbors, axis=1)


def directed_weights(neighbors, sq_distances):
    """Eq. (1) with sigma_i the squared distance to the K-th neighbour; 1 where that is 0."""
    n = len(neighbors)
    weights = np.zeros((n, n))
    for i in range(n):
        width = float(sq_distances[i, -1])
        for j, sq_distance in zip(neighbors[i], sq_distances[i], strict=True):
            weights[i, j] = np.exp(-float(sq_distance) / width) if width > 0 else 1.0
    return weights


def affinity(neighbors, sq_distances, symmetrize):
    """W for each way of making it symmetric; "none" leaves it directed."""
    directed = directed_weights(neighbors, sq_distances)
    if symmetrize == "none":
        return directed
    if symmetrize == "max":
        return np.maximum(directed, directed.T)
    if symmetrize == "mean":
        return (directed + directed.T) / 2
    if symmetrize == "mutual":
        return np.minimum(directed, directed.T)
    if symmetrize == "self_tuning":
        return _self_tuning(neighbors, sq_distances)
    raise ValueError(f"no oracle for {symmetrize!r}")


def _self_tuning(neighbors, sq_distances):
    n = len(neighbors)
    widths = np.asarray(sq_distances, np.float64)[:, -1]
    weights = np.zeros((n, n))
    for i in range(n):
        for j, sq_distance in zip(neighbors[i], sq_distances[i], strict=True):
            width = np.sqrt(widths[i] * widths[j]) or max(widths[i], widths[j])
            weights[i, j] = weights[j, i] = np.exp(-float(sq_distance) / width) if width > 0 else 1.0
    return weights


def dense(graph):
    """W of a table of rows: what stands in several places of one edge is added up, so a repeated edge shows."""
    n = len(graph.degrees)
    weights = np.zeros((n, n))
    owners = np.broadcast_to(np.asarray(graph.owners)[:, None], graph.neighbors.shape)
    np.add.at(weights, (owners, np.asarray(graph.neighbors)), np.asarray(graph.weights, np.float64))
    return weights


def transition(weights):
    """M = D^-1 W; a node without edges has a row of zeros."""
    degrees = weights.sum(axis=1, keepdims=True)
    return np.divide(weights, degrees, out=np.zeros_like(weights), where=degrees > 0)


def one_hot(labels, labeled, num_classes):
    """The known labels, one row each; rows without a label are zero."""
    mass = np.zeros((len(labels), num_classes))
    for i in np.flatnonzero(labeled):
        mass[i, labels[i]] = 1.0
    return mass


def clamped_diffusion(matrix, start, labeled, num_steps):
    """Multiplies by M for T steps and puts the labelled rows back after each."""
    current = np.array(start, np.float64)
    for _ in range(num_steps):
        current = matrix @ current
        current[labeled] = start[labeled]
    return current


def sparse_diffusion(weights, start, labeled, num_steps):
    """The same with a SciPy sparse matrix, the way a reader would write Algorithm 1 in Python."""
    sparse = scipy.sparse.csr_matrix(weights)
    degrees = np.asarray(sparse.sum(axis=1)).ravel()
    inverse = np.divide(1.0, degrees, out=np.zeros_like(degrees), where=degrees > 0)
    step = scipy.sparse.diags(np.where(labeled, 0.0, inverse)) @ sparse
    clamp = np.where(labeled[:, None], start, 0.0)
    current = clamp
    for _ in range(num_steps):
        current = step @ current + clamp
    return current


def one_vs_all(matrix, labels, labeled, num_classes, num_steps):
    """The cases formula below Eq. (5): +1 on the class, -1 on every other, 0 where unknown."""
    columns = []
    for c in range(num_classes):
        start = np.where(labeled, np.where(labels == c, 1.0, -1.0), 0.0)
        columns.append(clamped_diffusion(matrix, start[:, None], labeled, num_steps)[:, 0])
    return np.stack(columns, axis=1)


def multivariate(matrix, labels, labeled, num_classes, num_steps):
    """The appendix's iteration: one-hot where known, 1/C where unknown."""
    start = np.where(labeled[:, None], one_hot(labels, labeled, num_classes), 1.0 / num_classes)
    return clamped_diffusion(matrix, start, labeled, num_steps)


def hops(weights, labeled):
    """Length of the shortest walk from each node to a label, breadth-first; -1 where there is none."""
    found = np.where(labeled, 0, -1)
    queue = deque(np.flatnonzero(labeled))
    while queue:
        reached = queue.popleft()
        for i in np.flatnonzero(weights[:, reached] > 0):
            if found[i] < 0:
                found[i] = found[reached] + 1
                queue.append(i)
    return found


def hops_between(weights, target):
    """Length of the shortest walk from each node to `target`."""
    return hops(weights, np.arange(len(weights)) == target)


def harmonic(weights, start, labeled):
    """Solves L_uu F_u = W_ul F_l on the nodes from which a label can be reached; 0 on the others."""
    solution = np.where(labeled[:, None], start, 0.0)
    free = np.flatnonzero(~labeled & (hops(weights, labeled) > 0))
    laplacian = np.diag(weights.sum(axis=1)) - weights
    inflow = weights[np.ix_(free, np.flatnonzero(labeled))] @ start[labeled]
    if len(free):
        solution[free] = np.linalg.solve(laplacian[np.ix_(free, free)], inflow)
    return solution


def steps_to_a_label(weights, labeled):
    """Expected number of steps that a walk takes before it meets a label or loses all hope of one."""
    hopeful = np.flatnonzero(~labeled & (hops(weights, labeled) > 0))
    expected = np.zeros(len(weights))
    staying = transition(weights)[np.ix_(hopeful, hopeful)]
    if len(hopeful):
        expected[hopeful] = np.linalg.solve(np.eye(len(hopeful)) - staying, np.ones(len(hopeful)))
    return expected


def negative_entropy(probabilities):
    """sum_c q_c log q_c of one row, in nats."""
    return sum(q * np.log(q) for q in probabilities if q > 0)


def criterion(name, row):
    """One criterion on one row of mass, from the paper's own chi and q."""
    row = np.asarray(row, np.float64)
    total = row.sum()
    chi = np.array([share - (total - share) for share in row])
    q = row + (1.0 - total) / len(row)
    first, second = sorted([*row, 0.0], reverse=True)[:2]
    if name == "min_abs":
        return min(abs(value) for value in chi)
    if name == "norm":
        return np.sqrt((chi**2).sum())
    if name == "margin":
        return first - second
    if name == "root_reach_margin":
        return (first - second) / np.sqrt(total) if total > 0 else 0.0
    if name == "uncertainty":
        return q.max()
    if name == "negative_entropy":
        return negative_entropy(q)
    if name == "mass":
        return total
    raise ValueError(f"no oracle for {name!r}")


def nearest_in_float64(points, num_neighbors):
    """The K nearest of float64 points, as `nearest_neighbors` finds those of float32 features."""
    measured = np.stack([((points - point) ** 2).sum(axis=1) for point in points])
    np.fill_diagonal(measured, np.inf)
    neighbors = np.argsort(measured, axis=1, kind="stable")[:, :num_neighbors]
    return neighbors, np.take_along_axis(measured, neighbors, axis=1)


def absorbed(matrix, start, labeled):
    """The limit of clamped multiplication by any stochastic matrix, self-loops included; 0 where no label is met."""
    free = np.flatnonzero(~labeled & (hops(matrix, labeled) > 0))
    solution = np.where(labeled[:, None], start, 0.0)
    staying = np.eye(len(free)) - matrix[np.ix_(free, free)]
    if len(free):
        solution[free] = np.linalg.solve(staying, matrix[np.ix_(free, np.flatnonzero(labeled))] @ start[labeled])
    return solution


def jacobi(weights, signs, labeled, num_steps):
    """Eq. (5) with the diagonal L_uu,ii that it means; a node without edges stays 0."""
    laplacian = np.diag(weights.sum(axis=1)) - weights
    chi = np.where(labeled, signs, 0.0)
    for _ in range(num_steps):
        following = chi.copy()
        for i in np.flatnonzero(~labeled):
            inflow = -laplacian[i] @ chi + laplacian[i, i] * chi[i]
            following[i] = inflow / laplacian[i, i] if laplacian[i, i] > 0 else 0.0
        chi = following
    return chi


def clamped_rate(weights, labeled):
    """Spectral radius of M_uu, W symmetric; nodes without edges do not count."""
    free = np.flatnonzero(~labeled & (weights.sum(axis=1) > 0))
    roots = np.sqrt(weights.sum(axis=1)[free])
    among = weights[np.ix_(free, free)] / roots[:, None] / roots
    return np.abs(np.linalg.eigvalsh(among)).max(initial=0.0)


def eigenpairs(weights):
    """All solutions of W phi = lambda D phi, descending, Phi^T D Phi = I; phi is 0 at nodes without edges."""
    connected = np.flatnonzero(weights.sum(axis=1))
    among = weights[np.ix_(connected, connected)]
    eigenvalues, vectors = scipy.linalg.eigh(among, np.diag(among.sum(axis=1)))
    phi = np.zeros((len(weights), len(connected)))
    phi[connected] = vectors[:, ::-1]
    return eigenvalues[::-1], phi
