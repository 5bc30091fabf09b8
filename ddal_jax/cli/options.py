"""Options that several commands share, each declared once, and what their values are in Python.

Names of choices stand here again, since to import them is to import JAX; the settings themselves check them.
"""

import argparse
from typing import Any

_GRAPH_OPTIONS: dict[str, dict[str, Any]] = {
    "metric": {
        "metavar": "NAME",
        "help": "what tells near from far: euclidean (default), or cosine where only the direction of a row counts, as "
        "for most embeddings of text",
    },
    "num_neighbors": {
        "type": int,
        "metavar": "K",
        "help": "edges per point (default: 10); fewer follow finer structure, more bridge gaps",
    },
    "num_steps": {
        "type": int,
        "metavar": "T",
        "help": "how many edges far a label reaches (default: the smallest T with K^T > N, at least 6)",
    },
    "symmetrize": {
        "metavar": "MODE",
        "help": "how the two ways of an edge are weighed: max (default), mean, mutual (only where both points chose "
        "each other), self_tuning, none (one way, as the paper printed it)",
    },
}
_PICK_OPTIONS: dict[str, dict[str, Any]] = {
    "criterion": {
        "metavar": "NAME",
        "help": "what makes a point that labels reach worth asking, low first: root_reach_margin (default: two classes "
        "close, or little reach), margin (two classes close alone), "
        "min_abs (the paper's); with --diversity other than redistribute also norm, norm_1, norm_infinity, "
        "uncertainty, negative_entropy, mass",
    },
    "diversity": {
        "metavar": "RULE",
        "help": "how points of a batch keep apart: redistribute (default; in turns, each with earlier picks counted as "
        "known), local_minima (one turn, faster), coverage (among points no label reaches alone), none (the paper's)",
    },
    "ties": {
        "metavar": "RULE",
        "help": "which of the points that no label reaches come first: random (default), coverage (in the middle of "
        "the most of them; for few labels and classes about equal), wide_coverage (that for all, until ten "
        "labels; advised where there is no label yet and classes are about equal)",
    },
    "num_rediffusions": {
        "type": int,
        "metavar": "R",
        "help": "turns a batch is picked in (default: one a point, at most 16); fewer are faster, more keep points "
        "further apart",
    },
    "num_refine_steps": {
        "type": int,
        "metavar": "T",
        "help": "steps instead of --num-steps once labels reach all points (default: the same; 20 is advised where "
        "points are asked one at a time)",
    },
}
_OPTIONS = _GRAPH_OPTIONS | _PICK_OPTIONS
OF_THE_LAST_ROUND = (
    "Labels are spread with the settings of the last round (its graph, its steps, soft labels or not), or with the "
    "defaults before the first."
)


def add_query_options(parser: argparse.ArgumentParser) -> None:
    """Declares how the graph is built and how points are picked on it."""
    groups = {"how near and far are told": _GRAPH_OPTIONS, "how points are picked": _PICK_OPTIONS}
    for title, options in groups.items():
        group = parser.add_argument_group(title)
        for name, how in options.items():
            group.add_argument(f"--{name.replace('_', '-')}", **how)


def query_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Returns the values of these options by the names that `Campaign.next` has for them; None where not given."""
    return {name: getattr(arguments, name) for name in _OPTIONS}


def round_number(name: str, text: str) -> int:
    """Reads the number of a round as its folder writes it.

    Raises:
      ValueError: it is no number.
    """
    if not text.isdecimal():
        raise ValueError(f"{name} must be the number of a round, such as 001; got {text!r}.")
    return int(text)
