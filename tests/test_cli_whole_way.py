"""A person's whole way from an empty folder, in processes of their own: what comes of it, and what memory it takes."""

import json
import logging
import os
import subprocess
import sys

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


def _whole_way(folder, num_points, num_columns):
    """Goes from an empty folder to labels of the whole pool; returns the peak of each command's memory in MiB."""
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 5, num_points)
    centers = rng.normal(size=(5, num_columns))
    features = rng.normal(size=(num_points, num_columns), scale=0.5).astype(np.float32)
    folder.mkdir()
    np.save(folder / "pool.npy", features + centers[classes].astype(np.float32))
    del features
    names = [f"image-{row:06d}" for row in range(num_points)]
    (folder / "names.txt").write_text("\n".join(names))
    label = dict(zip(names, (f"class {code}" for code in classes), strict=True))
    peaks = {}

    def ddal(*words):
        printed, seconds, peak = _run(folder, *words)
        logging.info("%s: %.1f s, %d MiB", " ".join(map(str, words)), seconds, peak)
        peaks[words[0]] = max(peak, peaks.get(words[0], 0))
        return printed

    ddal("init", "pool.npy", "--ids", "names.txt")
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
    return peaks


@pytest.mark.slow
def test_a_person_goes_the_whole_way_from_an_empty_folder_within_a_multiple_of_the_features(tmp_path):
    usual = _whole_way(tmp_path / "small", 2_000, 128)

    peaks = _whole_way(tmp_path / "large", 200_000, 128)

    features = 200_000 * 128 * 4 / 2**20
    for command, peak in peaks.items():
        # `next` takes 5 to 7 times the features beside what the interpreter and JAX take by themselves.
        assert peak - usual[command] < 10 * features, command
