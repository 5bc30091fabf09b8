"""Reports are functions of results files: tables, targets met and not met, slopes, figures."""

import dataclasses
import sys

import pytest
from made_timings import run_of

from benchmarks import cli, files, targets
from benchmarks.cases import CASES
from benchmarks.growth import series
from benchmarks.report import page
from benchmarks.sizes import Sizes

KNN = {"points": 10_000, "dims": 50, "neighbors": 10, "seeds": 1}


@pytest.fixture
def records():
    """Times that grow as N^2 for ours, N for faiss, and with the root of K for both."""
    grid = [(2000, 10), (10_000, 10), (10_000, 20)]
    return [
        record
        for points, neighbors in grid
        for record in run_of(
            "knn",
            {"ddal_jax": 1e-9 * points**2 * neighbors**0.5, "faiss": 1e-5 * points * neighbors**0.5},
            jitter=0.0,
            **KNN | {"points": points, "neighbors": neighbors},
        )
    ]


def test_slopes_are_those_of_the_made_up_growth(records):
    found = {(line.method, line.parameter): line.slope for line in series(records)}

    assert found == {
        ("ddal_jax", "points"): pytest.approx(2.0),
        ("faiss", "points"): pytest.approx(1.0),
        ("ddal_jax", "neighbors"): pytest.approx(0.5),
        ("faiss", "neighbors"): pytest.approx(0.5),
    }


def test_a_series_holds_all_other_sizes_fixed(records):
    [line] = [line for line in series(records) if (line.method, line.parameter) == ("ddal_jax", "points")]

    assert line.values == [2000, 10_000]
    assert dict(line.others)["neighbors"] == 10


@pytest.mark.parametrize(("ratio", "verdict"), [(0.79, "met"), (0.81, "**not met**")])
def test_a_target_is_met_up_to_its_ratio(ratio, verdict):
    text = page(run_of("knn", {"ddal_jax": ratio, "faiss": 1.0}, jitter=0.0, **KNN), [], [])

    assert f"| knn | N = 10,000, d = 50, K = 10 | faiss | 0.8 | {ratio:g} | {verdict} |" in text
    assert f"0.8 x faiss: {verdict}" in text


def test_the_best_of_several_peers_is_what_counts_and_all_must_have_been_measured():
    sizes = KNN | {"points": 2000}
    both = run_of("knn", {"ddal_jax": 1.0, "faiss": 4.0, "scikit-learn": 1.5}, jitter=0.0, **sizes)
    one = run_of("knn", {"ddal_jax": 1.0, "faiss": 4.0}, jitter=0.0, **sizes)
    [target] = [target for target in targets.TARGETS if target.matches(both[0])]

    assert target.reached(both[0]) == pytest.approx(1 / 1.5)
    assert target.reached(one[0]) is None


def test_a_peer_with_another_answer_meets_no_target():
    records = run_of("knn", {"ddal_jax": 0.1, "faiss": 1.0}, **KNN)
    records[0]["agreement"]["faiss"]["agrees"] = False

    text = page(records, [], [])

    assert "| knn | N = 10,000, d = 50, K = 10 | faiss |" not in text
    assert "**faiss differs**" in text


def test_a_target_for_two_devices_is_not_met_on_one():
    seconds, sizes = {"ddal_jax": 10.0, "one seed": 1.0}, {"labels": 200, "epochs": 10, "seeds": 50}
    one = run_of("round_board", seconds, **sizes)[0]
    two = run_of("round_board", seconds, device={"device_count": 2}, **sizes)[0]

    assert not any(target.matches(one) for target in targets.TARGETS)
    assert any(target.matches(two) for target in targets.TARGETS)


def test_first_calls_are_held_to_their_own_targets():
    records = [
        *run_of("affinity", {"ddal_jax": 1.0}, compile_s=1.2),
        *run_of("training_board", {"ddal_jax": 1.0}, compile_s=1.2),
    ]

    text = page(records, [], [])

    assert "| affinity | 1.20 | 1 | **not met** |" in text
    assert "| training_board | 1.20 | 3 | met |" in text


def test_every_target_is_of_a_case_and_of_methods_that_it_has():
    for target in targets.TARGETS:
        case = CASES[target.kernel]
        assert target.sizes.keys() <= set(case.parameters)
        assert set(target.against) <= {targets.FLOOR, *case.peers, *case.siblings}
        assert 0 < target.largest < 20
        Sizes(**target.sizes)


def test_the_sizes_of_targets_are_given_once_each():
    sizes = targets.sizes_of("knn", CASES["knn"].parameters)

    assert [(size.points, size.dims, size.neighbors) for size in sizes[:3]] == [
        (2000, 50, 10),
        (10_000, 50, 10),
        (10_000, 50, 20),
    ]
    assert len(sizes) == len({dataclasses.astuple(size) for size in sizes}) == 13


def test_machines_have_tables_of_their_own(records):
    elsewhere = run_of("knn", {"ddal_jax": 1.0, "faiss": 1.0}, device={"platform": "gpu", "device_kind": "X"}, **KNN)

    text = page([*records, *elsewhere], [], [])

    assert "## cpu (made up, 2 cores)" in text
    assert "## gpu X (made up, 2 cores)" in text
    assert text.count("### knn") == 2


def test_the_command_writes_a_page_and_figures_that_depend_on_the_files_alone(records, tmp_path, capsys):
    file = tmp_path / "records.jsonl"
    files.append(file, [record for record in records if record["sizes"]["neighbors"] == 10])

    for folder in ("first", "second"):
        assert cli.main(["report", str(file), "-o", str(tmp_path / folder)]) == 0

    names = {path.name for path in (tmp_path / "first").iterdir()}
    assert names == {"report.md", "knn-points-cpu-made-up-2-cores.png"}
    for name in names:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()
    text = (tmp_path / "first" / "report.md").read_text()
    assert "N^2.00" in text
    assert "](knn-points-cpu-made-up-2-cores.png)" in text
    assert "report.md" in capsys.readouterr().out


def test_without_matplotlib_the_page_is_written_alone(records, tmp_path, monkeypatch):
    file = tmp_path / "records.jsonl"
    files.append(file, records)
    monkeypatch.setitem(sys.modules, "benchmarks.plots", None)

    with pytest.warns(UserWarning, match="No figures drawn"):
        assert cli.main(["report", str(file), "-o", str(tmp_path / "page")]) == 0

    assert [path.name for path in (tmp_path / "page").iterdir()] == ["report.md"]


@pytest.mark.parametrize("arguments", [["report"], ["report", "records.jsonl"]])
def test_a_report_needs_files_and_a_folder(arguments, capsys):
    with pytest.raises(SystemExit) as refusal:
        cli.main(arguments)

    assert refusal.value.code == 2
    assert "report takes one results file or more, and -o DIR" in capsys.readouterr().err
