"""A pool with everything that a map shows, made without diffusing anything, and the reader of its page."""

import base64
import html.parser
import json
from typing import NamedTuple

import numpy as np

from ddal_jax import DirectedGraph
from ddal_jax.maps import Asked, write_map

CLASSES = ["cat", "dog", "</script><script>window.broken = 1</script>"]


class Said(NamedTuple):
    probabilities: np.ndarray
    predicted: np.ndarray
    runner_up: np.ndarray
    reach: np.ndarray
    hops: np.ndarray
    nearest_labeled: np.ndarray


def ring(num_points, num_neighbors=6):
    """Each point leads to those after it, nearest first."""
    after = np.arange(1, num_neighbors + 1, dtype=np.int32)
    nodes = np.arange(num_points, dtype=np.int32)
    weights = np.ones((num_points, num_neighbors), np.float32)
    return DirectedGraph((nodes[:, None] + after) % num_points, weights, nodes, weights.sum(axis=1))


def made(num_points, *, num_asked=4, **changes):
    """Returns the arguments of `write_map`: row 0 is labelled, the last rows are out of reach, the next are asked."""
    rng = np.random.default_rng(0)
    reach = np.linspace(1, 0, num_points, dtype=np.float32)
    reach[-num_points // 4 :] = 0
    reached, labeled = reach > 0, reach == 1
    probabilities = rng.dirichlet(np.ones(len(CLASSES)), num_points).astype(np.float32)
    order = np.argsort(-probabilities, axis=1)
    ids = [f"row {row}" for row in range(num_points)]
    return {
        "features": rng.normal(size=(num_points, 4)) * [4, 2, 1, 1],
        "graph": ring(num_points),
        "ids": ids,
        "classes": CLASSES,
        "propagated": Said(
            probabilities,
            np.where(reached, order[:, 0], -1),
            np.where(reached, order[:, 1], -1),
            reach,
            np.where(labeled, 0, np.where(reached, 2, -1)),
            np.where(reached, 0, -1),
        ),
        "scores": np.where(labeled, np.nan, reach / 2).astype(np.float32),
        "queried": [Asked(ids[row], row, "boundary") for row in range(num_asked, 0, -1)],
    } | changes


class _Scripts(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self._inside = [], False

    def handle_starttag(self, tag, attrs):
        if tag in ("script", "style"):
            self.found.append([tag, dict(attrs), ""])
            self._inside = True

    def handle_endtag(self, tag):
        self._inside &= tag not in ("script", "style")

    def handle_data(self, data):
        if self._inside:
            self.found[-1][2] += data


def elements(page):
    """Returns tag, attributes and text of each script and style."""
    parser = _Scripts()
    parser.feed(page)
    return parser.found


def read(path):
    """Returns what the page was told, its columns as arrays."""
    (told,) = (json.loads(text) for tag, attrs, text in elements(path.read_text()) if attrs.get("id") == "told")
    types = {"Float32Array": np.float32, "Int32Array": np.int32, "Uint8Array": np.uint8}
    for name, column in told["columns"].items():
        told["columns"][name] = np.frombuffer(base64.b64decode(column["data"]), types[column["type"]])
    return told


def written(folder, num_points=24, **changes):
    """Writes a map and reads it back."""
    return read(write_map(folder / "map.html", **made(num_points, **changes)))
