"""A person's whole way from an empty folder, in processes of their own: what comes of it, and what memory it takes."""

import json
import logging
import os
import subprocess
import sys

import made_maps
import numpy as np
import pytest
from campaigns import read_csv, write_labels
from processes import TESTS


def _run(folder, *words):
    """Runs a command in a process of its own; returns what it printed, seconds and the peak of its memory in MiB."""
    script = (
        "import pathlib, runpy, sys, time; start = time.perf_counter()\n"
        "try: runpy.run_module('ddal_jax', run_name='__main__', alter_sys=True)\n"
        "except SystemExit as stop: code = stop.code\n"
        "lines = pathlib.Path('/proc/self/status').read_text().splitlines()\n"
        "peak = next(int(line.split()[1]) // 1024 for line in lines if line.startswith('VmHWM'))\n"
        "sys.stderr.write(f'{time.perf_counter() - start:.1f} {peak}'); sys.exit(code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, words)],
        cwd=folder, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(TESTS.parent)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    seconds, peak = done.stderr.split()[-2:]
    return done.stdout, float(seconds), int(peak)


def _write_pool(folder, form, num_points, num_columns):
    """Writes a pool of five groups with its names; returns its file, how names are asked for, and the class of each."""
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 5, num_points)
    centers = rng.normal(size=(5, num_columns)).astype(np.float32)
    features = rng.normal(size=(num_points, num_columns), scale=0.5).astype(np.float32)
    features += centers[classes]
    names = [f"image-{row:06d}" for row in range(num_points)]
    label = dict(zip(names, (f"class {code}" for code in classes), strict=True))
    if form == "npy":
        np.save(folder / "pool.npy", features)
        (folder / "names.txt").write_text("\n".join(names))
        return "pool.npy", ["--ids", "names.txt"], label
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(features, index=names, columns=[f"f{column}" for column in range(num_columns)])
    if form == "parquet":
        pytest.importorskip("pyarrow")
        frame.to_parquet(folder / "pool.parquet")
    else:
        frame.to_csv(folder / "pool.csv", index_label="name")
    return f"pool.{form}", ["--ids", "name"] if form == "csv" else [], label


def _whole_way(folder, form, num_points, num_columns):
    """Goes from an empty folder to labels of the whole pool; returns a runner there and the peaks of memory in MiB."""
    folder.mkdir()
    pool, ids, label = _write_pool(folder, form, num_points, num_columns)
    peaks = {}

    def ddal(*words):
        printed, seconds, peak = _run(folder, *words)
        logging.info("%s: %.1f s, %d MiB", " ".join(map(str, words)), seconds, peak)
        peaks[words[0]] = max(peak, peaks.get(words[0], 0))
        return printed

    ddal("init", pool, *ids)
    for turn in range(3):
        path = folder / ddal("next", "-n", 40).splitlines()[0]
        asked = [row["id"] for row in read_csv(path)]
        assert path.parent.name == f"{turn + 1:03d}"
        write_labels(folder / f"{turn}.csv", [(name, label[name]) for name in asked])
        ddal("ingest", f"{turn}.csv")
    status = json.loads(ddal("status", "--json"))
    ddal("export", "-o", "all.csv")
    replayed = json.loads(ddal("replay", "002", "--json"))
    ddal("undo")

    assert (status["pool"], status["labeled"], status["rounds"]) == (num_points, 120, 3)
    assert replayed["same"]
    reached = [row for row in read_csv(folder / "all.csv") if row["source"] == "propagated"]
    assert len(reached) > num_points / 2
    # Five classes this far apart leave little to confuse.
    assert np.mean([row["predicted"] == label[row["id"]] for row in reached]) > 0.9
    assert json.loads(ddal("status", "--json"))["labeled"] == 80
    return ddal, label, peaks


@pytest.mark.slow
@pytest.mark.parametrize("form", ["npy", "csv", "parquet"])
def test_a_person_goes_the_whole_way_from_an_empty_folder(tmp_path, form):
    folder = tmp_path / "empty"
    ddal, label, _ = _whole_way(folder, form, 1_000, 8)
    write_labels(folder / "all_labels.csv", list(label.items()))
    ids = ["--ids", "names.txt" if form == "npy" else "name"] if form != "parquet" else []

    drawn = ddal("map", "--color", "reach").strip()
    words = ["--seeds", 2, "-n", 10, "--budget", 30, "--strategies", "random,diffusion", "--json"]
    simulated = json.loads(ddal("simulate", f"pool.{form}", "--labels", "all_labels.csv", *ids, *words))

    told = made_maps.read(folder / drawn)
    assert (told["ids"], len(told["queried"])) == (list(label), 40)
    assert (simulated["rows"], simulated["left_out"]) == (1_000, 0)
    assert simulated["classes"] == [f"class {code}" for code in range(5)]
    areas = [standing["area"] for task in simulated["judged"]["tasks"] for standing in task["standings"]]
    assert len(areas) == 2
    # By chance it would be a fifth.
    assert min(areas) > 0.5


@pytest.mark.slow
def test_the_whole_way_of_a_large_pool_takes_a_multiple_of_its_features(tmp_path):
    *_, usual = _whole_way(tmp_path / "small", "npy", 2_000, 128)

    *_, peaks = _whole_way(tmp_path / "large", "npy", 200_000, 128)

    features = 200_000 * 128 * 4 / 2**20
    for command, peak in peaks.items():
        # `next` takes 5 to 7 times the features beside what the interpreter and JAX take by themselves.
        assert peak - usual[command] < 10 * features, command
