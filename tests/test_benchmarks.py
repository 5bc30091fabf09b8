"""The benchmark harness: complete records, answers that are compared, arguments that are refused."""

import dataclasses
import json
import math
from pathlib import Path

import jax
import numpy as np
import pytest

from benchmarks import agreement, cli, floors, inputs, machine, measure, memory
from benchmarks.cases import CASES
from benchmarks.peers import FAISS
from benchmarks.runner import OURS
from benchmarks.sizes import DEFAULT_GRID, Sizes, expand
from benchmarks.spectral_peers import Pair
from ddal_jax import Graph, KNNGraph, Spectrum

TINY = ["--quick", "--points", "200", "--dims", "50", "--neighbors", "5", "--classes", "3", "--steps", "2"]
TINY += ["--batch", "10", "--labels", "16", "--epochs", "1"]
FIELDS = {
    *("kernel", "method", "sizes", "compile_s", "run_s", "ratios", "floor", "memory", "agreement", "missing_peers"),
    *("unit", "work"),
    *("device", "versions", "commit", "dirty", "timestamp", "machine_rates"),
}


@pytest.fixture(scope="module")
def rates():
    return machine.measure_rates(order=256, stream_mib=4)


@pytest.fixture(autouse=True)
def _quick_harness(monkeypatch, rates):
    # The harness forgets what was compiled, to time compilation; the rest of the suite would have to compile again.
    monkeypatch.setattr(jax, "clear_caches", lambda: None)
    monkeypatch.setattr(machine, "measure_rates", lambda **_: rates)
    monkeypatch.setattr(floors, "tile_product_rate", lambda *_: rates.xla_product)
    monkeypatch.setattr(cli, "begin", lambda options: None)
    # The graph of every kernel then has one shape, and is compiled once.
    monkeypatch.setattr(inputs, "_BLOB_DIMS", 50)


@pytest.fixture
def run(tmp_path):
    """Runs the harness on the tiniest sizes; returns its exit code and the records it wrote."""

    def run_harness(*arguments):
        output = tmp_path / "records.jsonl"
        code = cli.main([*TINY, *arguments, "--output", str(output)])
        return code, [json.loads(line, parse_constant=_refuse) for line in output.read_text().splitlines()]

    return run_harness


def _refuse(constant):
    raise AssertionError(f"{constant} is no JSON")


# Both lessons are one program but for the size of the network, and compiling it is what takes time.
TWINS = ("training_digits", "round_digits")


@pytest.mark.parametrize(
    "kernel", [pytest.param(name, marks=[pytest.mark.slow] if name in TWINS else []) for name in CASES]
)
def test_the_smallest_size_of_every_kernel_leaves_a_complete_record(run, kernel):
    code, [record] = run(kernel)

    assert code == 0
    assert record["kernel"] == kernel
    assert record["method"] == OURS
    assert record["ratios"] == record["agreement"] == record["missing_peers"] == {}
    _assert_complete(record)


@pytest.mark.slow
@pytest.mark.parametrize("kernel", CASES)
def test_every_kernel_agrees_with_its_peers(run, kernel):
    code, records = run(kernel, "--peers")

    assert code == 0
    case = CASES[kernel]
    peers = {name for name, peer in case.peers.items() if peer.is_installed()}
    assert {record["method"] for record in records} == {OURS, *peers, *case.siblings}
    for record in records:
        _assert_complete(record)
        assert all(verdict["agrees"] for verdict in record["agreement"].values())
        assert all(math.isfinite(ratio) and ratio > 0 for ratio in record["ratios"].values())
    assert records[0]["agreement"].keys() == peers
    assert records[0]["missing_peers"].keys() == case.peers.keys() - peers


def _assert_complete(record):
    assert record.keys() == FIELDS
    assert record["sizes"].keys() == set(CASES[record["kernel"]].parameters)
    times = record["run_s"]
    assert 0 < times["min"] <= times["median"] <= times["max"] < math.inf
    assert times["repeats"] == 1
    assert 0 < record["floor"]["seconds"] < math.inf
    assert all(0 < rate < math.inf for rate in record["machine_rates"].values())
    assert times["each"] == [times["median"]]
    assert record["work"] >= 1
    assert record["device"]["platform"] == jax.default_backend()
    assert record["versions"]["jax"] == jax.__version__
    if record["method"] == OURS:
        assert 0 <= record["compile_s"] < math.inf
        assert CASES[record["kernel"]].compiles_itself or record["memory"]["program_bytes"] > 0


@pytest.mark.slow
def test_seeds_are_stacked_and_each_is_compared(run):
    code, records = run("diffusion", "--seeds", "3", "--peers")

    assert code == 0
    assert [record["sizes"]["seeds"] for record in records] == [3, 3]
    assert records[0]["agreement"]["scipy"]["agrees"]


def test_records_are_appended_and_quick_takes_the_smallest_sizes(run):
    run("selection", "--points", "100")
    _, records = run("selection", "--points", "300,200", "--batch", "20,10")

    # With --quick the smallest of each.
    assert [record["sizes"] for record in records] == [{"points": 100, "batch": 10}, {"points": 200, "batch": 10}]


def test_the_grid_spans_the_values_that_a_kernel_uses():
    grid = DEFAULT_GRID | {"points": (200, 300), "batch": (20, 30), "dims": (3, 4)}

    spanned = [(sizes.points, sizes.batch) for sizes in expand(grid, CASES["selection"].parameters)]

    assert spanned == [(200, 20), (200, 30), (300, 20), (300, 30)]


def test_a_peer_that_disagrees_is_flagged(run, monkeypatch, capsys):
    honest = CASES["selection"].peers["numpy"]
    wrong = dataclasses.replace(honest, run=lambda scores, labeled, batch, rng: np.argsort(-scores)[:batch])
    monkeypatch.setitem(CASES["selection"].peers, "numpy", wrong)

    code, records = run("selection", "--peers")

    assert code == 1
    assert not records[0]["agreement"]["numpy"]["agrees"]
    assert not records[1]["agreement"][OURS]["agrees"]
    printed = capsys.readouterr().out
    assert "!!! DISAGREEMENT: selection (points 200, batch 10)" in printed
    assert "DISAGREES" in printed


def test_a_peer_that_answers_nonsense_is_flagged_in_valid_json(run, monkeypatch):
    honest = CASES["diffusion"].peers["scipy"]
    wrong = dataclasses.replace(honest, run=lambda transition, mass, labeled, steps: mass * np.nan)
    monkeypatch.setitem(CASES["diffusion"].peers, "scipy", wrong)

    code, records = run("diffusion", "--peers")

    assert code == 1
    assert records[0]["agreement"]["scipy"]["value"] is None
    assert not records[0]["agreement"]["scipy"]["agrees"]


def test_a_missing_peer_is_reported_with_its_package(run, monkeypatch, capsys):
    monkeypatch.setitem(CASES["selection"].peers, "faiss", dataclasses.replace(FAISS, module="not_installed_anywhere"))

    code, records = run("selection", "--peers")

    assert code == 0
    assert records[0]["missing_peers"] == {"faiss": "faiss-cpu"}
    assert "`pip install faiss-cpu`" in capsys.readouterr().out


def test_neighbors_that_differ_are_counted_and_judged_in_float64():
    features = np.arange(2000, dtype=np.float32)[:, None]
    ours = KNNGraph(np.r_[1:2000, 1998][:, None], np.ones((2000, 1), np.float32))
    one_wrong, many_wrong = ours.neighbors.copy(), ours.neighbors.copy()
    one_wrong[0], many_wrong[:3] = 5, 7

    assert agreement.same_neighbors(ours.neighbors, ours, features).agrees
    assert agreement.same_neighbors(one_wrong, ours, features).agrees
    verdict = agreement.same_neighbors(many_wrong, ours, features)
    assert not verdict.agrees
    assert verdict.value == pytest.approx(1 - 3 / 2000)
    assert verdict.detail == "3 rows differ; in float64 ours are at least as near in 3"


def test_far_off_neighbors_of_a_peer_may_be_worse_but_not_nearer():
    features = np.arange(2000, dtype=np.float32)[:, None]
    right = np.r_[1:2000, 1998][:, None]
    wrong = right.copy()
    wrong[0] = 5
    distances = np.ones((2000, 1), np.float32)

    assert agreement.no_nearer_neighbors(wrong, KNNGraph(right, distances), features).agrees
    verdict = agreement.no_nearer_neighbors(right, KNNGraph(wrong, distances), features)
    assert not verdict.agrees
    assert verdict.value == 1


def test_an_eigenpair_that_is_none_is_no_agreement():
    # A ring of 6, which walks to either side: lambda_2 = cos(60 degrees), twice, and the pair of cos(120) is another.
    ring = np.arange(6)
    graph = Graph((ring[:, None] + [1, 5]) % 6, np.ones((6, 2), np.float32), ring, np.full(6, 2, np.float32))
    right, other = (np.cos(2 * np.pi * turns * ring / 6) for turns in (1, 2))
    ours = Spectrum(np.array([1, 0.5]), np.stack([np.ones(6), right], axis=1), np.zeros(2))

    assert agreement.same_eigenpair(Pair(0.5, right), ours, None, graph).agrees
    assert not agreement.same_eigenpair(Pair(-0.5, other), ours, None, graph).agrees
    assert not agreement.same_eigenpair(Pair(0.5, other), ours, None, graph).agrees


def test_drawn_neighbors_are_different_and_never_the_point_itself_and_hubs_have_many():
    even, hubs = (inputs.drawn_neighborhoods(2000, 5, 0, hubness=hubness).neighbors for hubness in (1, 2))

    for neighbors in map(np.asarray, (even, hubs)):
        assert (np.diff(np.sort(neighbors, axis=1), axis=1) > 0).all()
        assert (neighbors != np.arange(2000)[:, None]).all()
    # Drawn alike, a point is a neighbour of 5 on average, 30 of which has a chance of 1e-14; the first hub has 220.
    assert np.bincount(np.ravel(even)).max() < 30
    assert np.bincount(np.ravel(hubs)).max() > 150


def test_who_does_less_is_compared_by_the_unit_of_work():
    ours, theirs = measure.Timing([2.0, 2.0], 1.0, 1), measure.Timing([1.0, 1.0], 1.0, 1)

    assert measure.ratio(ours, theirs) == 2.0
    assert measure.ratio(ours, theirs, work=1000, other_work=100) == pytest.approx(0.2)
    assert CASES["badge"].peers["scikit-activeml"].sizes(Sizes(batch=1000)).batch == 100


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the system does not tell")
def test_memory_that_a_call_takes_is_seen_though_it_is_given_back():
    size, held = memory.watched(lambda: np.ones(2**24, np.float32).nbytes)

    assert size == 2**26
    # Pages that the process still had from before may serve again.
    assert 0.9 * size < held.grown_bytes < 1.5 * size
    assert held.peak_bytes > held.grown_bytes


def test_an_unknown_kernel_is_refused_with_the_known_names(capsys):
    with pytest.raises(SystemExit) as refusal:
        cli.main(["knm"])

    assert refusal.value.code == 2
    message = capsys.readouterr().err
    assert "'knm'" in message
    assert all(name in message for name in [*CASES, "all"])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--points", "0"], "--points: '0' is not a whole number of at least 1"),
        (["--points=-5"], "--points: '-5'"),
        (["--dims", "50,"], "--dims: ''"),
        (["--neighbors", "2k"], "--neighbors: '2k'"),
        (["--repeats", "1.5"], "--repeats: '1.5'"),
        (["--points", "200", "--neighbors", "200"], "neighbors must be below points; got 200"),
        (["--points", "200", "--batch", "101"], "batch must be at most half of points; got 101"),
        (["--output", "no_such_folder/records.jsonl"], "--output"),
        (["--labels", "1001"], "labels must be at most 1000"),
        (["--baseline", "no_such_file.jsonl"], "must be one that is there; got no_such_file.jsonl"),
        (["--targets", "--points", "200"], "--targets has sizes of its own; got --points besides"),
        (["--targets", "--quick"], "--targets has sizes of its own; got --quick besides"),
    ],
)
def test_a_bad_value_is_refused_before_anything_runs(arguments, told, capsys):
    with pytest.raises(SystemExit) as refusal:
        cli.main(["query", "training_board", *arguments])

    assert refusal.value.code == 2
    printed = capsys.readouterr()
    assert told in printed.err
    assert printed.out == ""
