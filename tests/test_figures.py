"""Figures are functions of saved records."""

import numpy as np
import pytest

from ddal_jax import figures
from ddal_jax.experiments.results import Record

PNG = b"\x89PNG"


@pytest.fixture
def records():
    random = np.random.default_rng(0)
    made = []
    for strategy in ("random", "margin", "diffusion"):
        for cycle in range(4):
            for seed in range(2):
                points = random.uniform(-1, 1, (5, 2)).tolist() if cycle < 3 else []
                made.append(
                    Record(
                        data="checkerboard", strategy=strategy, seed=seed, cycle=cycle, num_labeled=8 + 5 * cycle,
                        accuracy=0.5 + 0.1 * cycle, queried=list(range(len(points))), reached=[cycle > 0] * len(points),
                        points=points, seconds_all_seeds=0.1,
                    )
                )  # fmt: skip
    return made


def test_the_same_records_draw_the_same_pictures(records, tmp_path):
    for attempt in ("first", "second"):
        figures.learning_curves(records, tmp_path / f"{attempt}-curves.png", title="curves")
        figures.switch({"board": records}, tmp_path / f"{attempt}-switch.png")
        figures.checkerboard_queries(records, tmp_path / f"{attempt}-board.png", num_squares=4)

    for name in ("curves", "switch", "board"):
        first, second = ((tmp_path / f"{attempt}-{name}.png").read_bytes() for attempt in ("first", "second"))
        assert first.startswith(PNG)
        assert first == second


def test_pictures_follow_the_records(records, tmp_path):
    figures.learning_curves(records, tmp_path / "a.png", title="curves")
    figures.learning_curves(records[:-2], tmp_path / "b.png", title="curves")

    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "b.png").read_bytes()
