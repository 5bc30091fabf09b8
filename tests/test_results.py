"""Results come back from disk as they went, as far as the file is whole."""

import contextlib
import gzip
import json

import numpy as np
import pytest
from made_records import record

from ddal_jax.experiments import results
from ddal_jax.experiments.results import RunHeader
from ddal_jax.experiments.summary import means


def test_records_come_back_from_disk_as_they_went(tmp_path):
    path = tmp_path / "results.jsonl"
    records = [record(), record(seed=1, points=[[0.1, 0.2], [0.3, 0.4]])]
    head = RunHeader(task="digits", config={"budget": 40}, environment={"jax": "0"}, strategies={"random": {}})

    results.append(path, results.header_line(head))
    results.append(path, results.record_lines(records[:1]))
    results.append(path, results.record_lines(records[1:]))

    assert results.read(path) == ([head], records)
    assert results.read_runs(path) == [head]


def test_a_file_cut_off_in_the_middle_is_read_up_to_the_damage(tmp_path):
    path = tmp_path / "results.jsonl"
    results.append(path, results.record_lines([record(), record(seed=1)]))
    path.write_text(path.read_text()[:-20])

    with pytest.warns(UserWarning, match="damaged at line 2; read the 1 records before it"):
        read = results.read(path)

    assert read.records == [record()]


@pytest.mark.parametrize("lost", [0, 60])
def test_a_compressed_file_is_read_as_far_as_it_goes(lost, tmp_path):
    records = [record(seed=seed, accuracy=seed / 997) for seed in range(300)]
    packed = gzip.compress(results.record_lines(records).encode())
    (tmp_path / "results.jsonl.gz").write_bytes(packed[: len(packed) - lost])

    with pytest.warns(UserWarning, match="damaged") if lost else contextlib.nullcontext():
        read = results.read(tmp_path / "results.jsonl.gz").records

    assert read == records[: len(read)]
    assert len(read) == 300 if not lost else 0 < len(read) < 300


def test_a_record_needs_no_more_than_a_curve_does_and_unknown_fields_are_left(tmp_path):
    path = tmp_path / "results.jsonl"
    least = {"task": "t", "strategy": "s", "seed": 0, "cycle": 0, "num_labeled": 5, "accuracy": 0.5}
    path.write_text(json.dumps(least | {"colour": "red"}) + "\n")

    (read,) = results.read(path).records

    assert (read.task, read.accuracy, read.queried) == ("t", 0.5, [])
    assert np.isnan(read.balanced_accuracy)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"task": "t", "seed": 0}', "line 1 of .* must have task, .*; got no strategy, cycle, num_labeled, accuracy"),
        ("[1, 2]", r"line 1 of .* must hold a JSON object; got \[1, 2\]"),
        ('{"run": {"task": "t"}}', "must have task, config, environment; got no config, environment"),
    ],
)
def test_a_whole_line_that_is_no_record_is_refused(line, message, tmp_path):
    (tmp_path / "results.jsonl").write_text(line + "\n")

    with pytest.raises(ValueError, match=message):
        results.read(tmp_path / "results.jsonl")


def test_means_are_over_seeds_and_shares_over_queries():
    records = [
        record(accuracy=0.5, reached=[True, False]),
        record(accuracy=0.7, seed=1, reached=[False, False]),
        record(accuracy=0.9, num_labeled=22, queried=[], reached=[]),
    ]

    first, last = means(records)["random"]

    assert first.num_labeled == 20
    assert first.accuracy == pytest.approx(0.6)
    assert first.standard_error == pytest.approx(np.std([0.5, 0.7], ddof=1) / np.sqrt(2))
    assert first.unexplored == 0.75
    assert np.isnan(last.standard_error)
    assert np.isnan(last.unexplored)
