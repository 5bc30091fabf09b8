"""Figures and the command: what they draw and write, and what they refuse."""

import dataclasses
import json
import sys

import numpy as np
import pytest
from made_records import noisy, records_of

from ddal_jax import cli, evaluate
from ddal_jax.experiments import results
from ddal_jax.experiments.results import RunHeader
from ddal_jax.figures import judgement
from ddal_jax.figures.critical_difference import critical_difference
from ddal_jax.figures.palette import KNOWN, looks

GAINS = {"random": 0.0, "margin": 0.02, "own rule": 0.05}
PNG = b"\x89PNG"
ALL = {
    "learning_curves.png", "differences.png", "spread.png", "unexplored.png", "boundary_distances.png",
    "acquisition_times.png", "penalty.png", "critical_difference.png",
}  # fmt: skip


@pytest.fixture(scope="module")
def records():
    return [
        record
        for number in range(3)
        for record in records_of(
            noisy(GAINS, num_seeds=3, num_checkpoints=4, seed=number), (10, 20, 30, 40), task=f"task {number}"
        )
    ]


@pytest.fixture
def file(records, tmp_path):
    path = tmp_path / "results.jsonl"
    path.write_text("".join(json.dumps(dataclasses.asdict(record)) + "\n" for record in records))
    return path


def test_the_same_records_draw_the_same_figures(records, tmp_path):
    ranking = evaluate.compare(records).ranking

    for attempt in ("first", "second"):
        critical_difference(ranking, tmp_path / f"{attempt}-ranks.png")
        judgement.difference_curves(
            records[: len(records) // 3], tmp_path / f"{attempt}-differences.png", references={"task 0": "random"}
        )

    for name in ("ranks", "differences"):
        first, second = ((tmp_path / f"{attempt}-{name}.png").read_bytes() for attempt in ("first", "second"))
        assert first.startswith(PNG)
        assert first == second


def test_figures_follow_the_records(records, tmp_path):
    judgement.penalty(records, tmp_path / "a.png")
    judgement.penalty([record for record in records if record.task != "task 1"], tmp_path / "b.png")

    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "b.png").read_bytes()


def test_figures_leave_out_what_the_records_do_not_know(tmp_path):
    bare = [
        dataclasses.replace(record, boundary_distances=None, reached=[True] * len(record.queried))
        for record in records_of({name: [[0.5, 0.6], [0.5, 0.7]] for name in "ab"}, (10, 20))
    ]

    written = judgement.draw(bare, evaluate.compare(bare), tmp_path)

    assert ALL - set(written) == {
        "unexplored.png", "boundary_distances.png", "acquisition_times.png", "critical_difference.png",
    }  # fmt: skip


def test_figures_hold_many_strategies(tmp_path):
    gains = {name: 0.001 * number for number, name in enumerate([*KNOWN, "mine", "yours"])}
    many = records_of(noisy(gains, num_seeds=2, num_checkpoints=3))

    judgement.learning_curves(many, tmp_path / "curves.png")

    assert (tmp_path / "curves.png").read_bytes().startswith(PNG)


def test_figures_refuse_what_they_cannot_draw(records, tmp_path):
    with pytest.raises(ValueError, match="at least two seeds of some task"):
        judgement.spread(records_of({"a": [[0.5, 0.6, 0.7]]}), tmp_path / "a.png")
    with pytest.raises(ValueError, match="a query that no label reached; none does"):
        judgement.unexplored([record for record in records if record.cycle > 0], tmp_path / "a.png")


def test_looks_are_fixed_by_name_and_never_shared():
    names = [*KNOWN, *(f"rule {number}" for number in range(20))]

    together, few = looks(names), looks(["margin", "rule 3"])

    assert len(set(together.values())) == len(names)
    assert few["margin"] == together["margin"] == KNOWN["margin"]
    assert looks(["rule 3", "margin"]) == few
    assert looks(iter(names)) == together


def test_a_new_name_takes_a_free_colour():
    for number in range(8):
        chosen = looks(["diffusion", "margin", "random", f"rule {number}"])

        assert len({look.color for look in chosen.values()}) == 4


@pytest.mark.slow
def test_the_command_prints_the_report_and_writes_all_it_names(file, tmp_path, capsys):
    folder = tmp_path / "out"

    assert cli.main(["evaluate", str(file), "-o", str(folder)]) == 0

    printed = capsys.readouterr().out
    report = (folder / "report.md").read_text()
    assert report in printed
    assert {path.name for path in folder.iterdir()} == {"report.md", "report.json", *ALL}
    assert all((folder / name).read_bytes().startswith(PNG) for name in ALL)
    assert all(name in printed for name in ALL)
    numbers = json.loads((folder / "report.json").read_text())
    assert [task["task"] for task in numbers["tasks"]] == ["task 0", "task 1", "task 2"]


def test_the_command_takes_a_folder_and_prints_numbers(file, capsys):
    words = ["evaluate", str(file.parent), "--json", "--metric", "balanced_accuracy", "--reference", "margin"]

    assert cli.main([*words, "--target", ".4"]) == 0

    numbers = json.loads(capsys.readouterr().out)
    assert numbers["metric"] == "balanced_accuracy"
    assert numbers["target"] == 0.4
    assert {task["reference"] for task in numbers["tasks"]} == {"margin"}


def test_several_files_are_one_comparison(records, tmp_path, capsys):
    for name in GAINS:
        own = [record for record in records if record.strategy == name]
        text = "".join(json.dumps(dataclasses.asdict(record)) + "\n" for record in own)
        (tmp_path / f"{name}.jsonl").write_text(text)

    assert cli.main(["evaluate", *(str(tmp_path / f"{name}.jsonl") for name in GAINS), "--json"]) == 0

    assert len(json.loads(capsys.readouterr().out)["tasks"][0]["standings"]) == 3


def test_without_matplotlib_the_report_is_written_all_the_same(file, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ddal_jax.figures.judgement", None)
    monkeypatch.delattr("ddal_jax.figures.judgement")

    with pytest.warns(UserWarning, match="No figures drawn"):
        code = cli.main(["evaluate", str(file), "-o", str(tmp_path / "out")])

    assert code == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"report.md", "report.json"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--metric", "f1"], "metric must be one of 'accuracy'"),
        (["--reference", "oracle"], "reference must be one of 'random', 'margin', 'own rule'; got 'oracle'"),
        (["--target", "95"], r"target must lie in (0, 1]"),
        (
            ["absent.jsonl"],
            "FILE must be a file of results or a folder with results.jsonl or .jsonl.gz; got absent.jsonl",
        ),
    ],
)
def test_bad_input_has_exit_code_2_and_writes_nothing(words, message, file, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    assert cli.main(["evaluate", str(file), *words, "-o", "out"]) == 2

    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_damaged_tail_is_told_and_the_rest_compared(file, capsys):
    file.write_text(file.read_text() + '{"task": "task')

    with pytest.warns(UserWarning, match="damaged"):
        code = cli.main(["evaluate", str(file), "--json"])

    assert code == 0
    assert np.isfinite(json.loads(capsys.readouterr().out)["tasks"][2]["standings"][0]["area"])


def _file_of(path, run, records):
    path.write_text(results.header_line(run) + results.record_lines(records))
    return str(path)


def test_results_of_other_settings_under_the_same_name_are_not_paired(records, tmp_path, capsys):
    own = [record for record in records if record.task == "task 0"]
    first = RunHeader(
        task="task 0", environment={}, data={"sha256": "a"}, strategies={"random": {"kind": "Random"}},
        config={"data": {"name": "digits"}, "warm_start": True, "strategies": ["random"]},
    )  # fmt: skip
    words = ["evaluate", _file_of(tmp_path / "a.jsonl", first, [r for r in own if r.strategy == "random"])]
    rest = [r for r in own if r.strategy != "random"]
    other_names = dataclasses.replace(first, config={**first.config, "strategies": ["margin"]}, strategies={})

    assert cli.main([*words, _file_of(tmp_path / "b.jsonl", other_names, rest)]) == 0
    for change, what in (
        ({"config": {**first.config, "warm_start": False}}, "warm_start"),
        ({"data": {"sha256": "b"}}, "sha256"),
        ({"strategies": {"random": {"kind": "Margin"}}}, "strategy random"),
    ):
        capsys.readouterr()
        changed = dataclasses.replace(first, **change)
        assert cli.main([*words, _file_of(tmp_path / "b.jsonl", changed, rest)]) == 2
        assert f"must come from one experiment to be paired; they differ in {what}" in capsys.readouterr().err


def test_settings_of_one_data_set_are_not_ranked_as_tasks(records, tmp_path, capsys):
    same = [RunHeader(task=f"task {n}", config={"data": {"name": "digits"}}, environment={}) for n in range(3)]
    path = tmp_path / "results.jsonl"
    path.write_text("".join(map(results.header_line, same)) + results.record_lines(records))

    assert cli.main(["evaluate", str(path), "--json"]) == 0

    assert json.loads(capsys.readouterr().out)["ranking"] is None


def test_the_report_holds_every_round(file, capsys):
    assert cli.main(["evaluate", str(file), "--json"]) == 0

    rounds = json.loads(capsys.readouterr().out)["tasks"][0]["phases"]["margin"]
    assert rounds == {
        "num_labeled": [10, 20, 30], "unexplored": [1.0, 0.0, 0.0], "boundary_distance": [0.0, 1.0, 2.0],
        "seconds": [20.0, 0.5 / 3, 0.5 / 3],
    }  # fmt: skip


def test_help_lists_the_metrics(capsys):
    with pytest.raises(SystemExit):
        cli.main(["evaluate", "--help"])

    assert "accuracy, balanced_accuracy" in capsys.readouterr().out
