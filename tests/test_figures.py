"""Figures are functions of saved records and snapshots."""

import numpy as np
import pytest
from made_records import record

from ddal_jax.experiments.results import Results, RunHeader
from ddal_jax.experiments.snapshots import Snapshot
from ddal_jax.figures import board, course, demo, robustness

PNG = b"\x89PNG"


@pytest.fixture
def records():
    random = np.random.default_rng(0)
    made = []
    for strategy in ("random", "margin", "diffusion-min-abs"):
        for cycle in range(4):
            for seed in range(2):
                points = random.uniform(-1, 1, (5, 2)).tolist() if cycle < 3 else []
                made.append(
                    record(
                        task="checkerboard", strategy=strategy, seed=seed, cycle=cycle, num_labeled=8 + 5 * cycle,
                        accuracy=0.5 + 0.1 * cycle, queried=list(range(len(points))), reached=[cycle > 0] * len(points),
                        points=points,
                    )
                )  # fmt: skip
    return made


@pytest.fixture
def snapshots():
    random = np.random.default_rng(1)
    points = random.normal(size=(40, 2)).astype(np.float32)
    return [
        Snapshot(
            points=points,
            truth=np.arange(40) % 3,
            reached=np.arange(40) < 10 * cycle + 10,
            mass=random.dirichlet(np.ones(3), 40).astype(np.float16) * (np.arange(40)[:, None] < 10 * cycle + 10),
            labeled=np.arange(40) < 4 * cycle + 4,
            queried=np.arange(4 * cycle + 4, 4 * cycle + 8) if cycle < 3 else np.arange(0),
            neighbors=random.integers(0, 40, (40, 3)),
            accuracy=np.asarray(0.5, np.float32),
        )
        for cycle in range(4)
    ]


def _drawn_twice(draw, path):
    draws = []
    for _ in range(2):
        draw(path)
        draws.append(path.read_bytes())
    assert draws[0] == draws[1]
    return draws[0]


@pytest.mark.slow
def test_the_same_records_draw_the_same_pictures(records, tmp_path):
    curves = _drawn_twice(lambda path: demo.learning_curves(records, path, title="curves"), tmp_path / "curves.png")
    switch = _drawn_twice(lambda path: demo.switch({"board": records}, path), tmp_path / "switch.png")
    asked = _drawn_twice(lambda path: board.checkerboard_queries(records, path, num_squares=4), tmp_path / "board.png")

    assert curves.startswith(PNG)
    assert switch.startswith(PNG)
    assert asked.startswith(PNG)


def test_pictures_follow_the_records(records, tmp_path):
    demo.learning_curves(records, tmp_path / "a.png", title="curves")
    demo.learning_curves(records[:-2], tmp_path / "b.png", title="curves")

    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "b.png").read_bytes()


def test_the_course_of_a_run_is_drawn_from_its_snapshots(snapshots, tmp_path):
    assert _drawn_twice(lambda path: course.still(snapshots, path), tmp_path / "still.png").startswith(PNG)
    assert _drawn_twice(lambda path: course.stages(snapshots, path), tmp_path / "stages.png").startswith(PNG)


def test_the_movie_has_a_frame_for_each_batch_asked(snapshots, tmp_path):
    from PIL import Image

    course.movie(snapshots, tmp_path / "movie.gif")

    with Image.open(tmp_path / "movie.gif") as movie:
        assert movie.n_frames == 3


def test_robustness_places_tasks_by_their_settings_whatever_their_names(tmp_path):
    cells = [(size, epochs) for size in (10, 20) for epochs in (5, 50)]
    results = Results(
        [
            RunHeader(
                task=f"task {cell}", environment={},
                config={"query_size": cell[0], "num_sub_batches": 1, "training": {"num_epochs": cell[1]}},
            )
            for cell in cells
        ],
        [
            record(task=f"task {cell}", strategy=strategy, seed=seed, cycle=cycle, num_labeled=20 + 10 * cycle,
                   accuracy=0.5 + 0.1 * (strategy == "diffusion") + 0.01 * seed)
            for cell in cells for strategy in ("margin", "diffusion") for seed in range(2) for cycle in range(3)
        ],
    )  # fmt: skip

    assert _drawn_twice(lambda path: robustness.robustness(results, path), tmp_path / "grid.png").startswith(PNG)


def test_snapshots_without_a_batch_or_a_plane_cannot_be_drawn(snapshots):
    assert course.can_be_drawn(snapshots)
    assert not course.can_be_drawn([])
    assert not course.can_be_drawn(snapshots[3:])
    assert not course.can_be_drawn([snapshots[0]._replace(points=np.zeros((40, 5), np.float32))])
