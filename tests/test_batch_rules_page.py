"""docs/batch-rules.md says what the committed results say."""

import json
import re

import batch_rule_tables
import pytest

from ddal_jax import evaluate
from ddal_jax.cli import fixed_graph
from ddal_jax.experiments import results
from ddal_jax.experiments.config import plain
from ddal_jax.experiments.fixed_graph.settings import FixedGraphSettings
from ddal_jax.experiments.presets import EXPERIMENTS

FOLDER, FIXED = batch_rule_tables.RESULTS / "batch-rules", batch_rule_tables.RESULTS / "fixed-graph"
PAGE = (batch_rule_tables.RESULTS.parent / "batch-rules.md").read_text(encoding="utf-8")

IN_WORDS = {
    "random": "random", "margin": "margin", "BADGE": "badge", "coreset": "coreset",
    "coreset on raw coordinates": "coreset-inputs", "the paper as printed": "diffusion-paper",
}  # fmt: skip


def test_the_tables_are_those_of_the_report():
    report = batch_rule_tables.read("batch-rules")

    assert batch_rule_tables.gains(report) in PAGE
    assert batch_rule_tables.duels(report) in PAGE
    assert batch_rule_tables.parts(batch_rule_tables.read("batch-rules-ablation")) in PAGE


def test_the_table_of_the_readme_is_that_of_the_report():
    readme = (FOLDER.parents[2] / "README.md").read_text(encoding="utf-8")
    lines = readme[readme.index("| default minus |") :].split("\n\n")[0].splitlines()[2:]
    tasks = batch_rule_tables.read("batch-rules")["tasks"]

    said = {line.split("|")[1].strip(): [cell.strip() for cell in line.split("|")[2:-1]] for line in lines}

    assert set(said) == set(IN_WORDS)
    for words, cells in said.items():
        found = [batch_rule_tables.duel(task, IN_WORDS[words]) for task in tasks]
        assert cells == [re.sub(r" ± [\d.]+", "", cell) for cell in found]


def test_the_report_on_fixed_graphs_is_that_of_the_results():
    found = results.read(FIXED / "results.jsonl.gz")
    tasks = [FixedGraphSettings(task=run.task) for run in found.runs]
    standings = evaluate.checkpoint_means(found.records, challenger=batch_rule_tables.ADVISED)

    assert [run.config for run in found.runs] == [plain(task.as_dict()) for task in tasks]
    written = (FIXED / "report.md").read_text(encoding="utf-8")
    assert fixed_graph.report(standings, batch_rule_tables.ADVISED, tasks) == written


def test_the_table_of_steps_is_that_of_their_reports():
    assert batch_rule_tables.steps() in PAGE


def test_the_table_of_fixed_graphs_is_that_of_the_results():
    assert batch_rule_tables.means(results.read(FIXED / "results.jsonl.gz").records) in PAGE


def test_every_link_leads_to_a_file():
    links = re.findall(r"\]\(([^)#:]+)\)", PAGE)

    assert links
    assert all((FOLDER.parents[1] / link).is_file() for link in links)


@pytest.mark.slow
def test_the_report_is_what_the_results_give():
    found = results.read(FOLDER / "results.jsonl.gz")

    comparison = evaluate.compare(found.records, data_sets=evaluate.data_sets(found.runs), challenger="diffusion")

    assert json.loads(json.dumps(comparison.as_dict())) == batch_rule_tables.read("batch-rules")
    assert evaluate.report(comparison) == (FOLDER / "report.md").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("folder", batch_rule_tables.STEPPED)
def test_the_reports_on_steps_are_what_their_results_give(folder):
    found = results.read(batch_rule_tables.RESULTS / "steps" / folder / "results.jsonl.gz")

    comparison = evaluate.compare(found.records, data_sets=evaluate.data_sets(found.runs))

    assert json.loads(json.dumps(comparison.as_dict())) == batch_rule_tables.read(f"steps/{folder}")
    assert not any(run.environment["commit"].endswith("-dirty") for run in found.runs)


@pytest.mark.slow
def test_the_results_are_of_the_named_experiment_whole_and_from_a_clean_commit():
    found = results.read(FOLDER / "results.jsonl.gz")

    assert [run.config for run in found.runs] == [plain(config.as_dict()) for config in EXPERIMENTS["batch-rules"].runs]
    assert not any(run.environment["commit"].endswith("-dirty") for run in found.runs)
    for config in EXPERIMENTS["batch-rules"].runs:
        seeds = {record.seed for record in found.records if record.task == config.task}
        assert seeds == set(config.seeds)
