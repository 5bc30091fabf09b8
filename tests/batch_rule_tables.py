"""The tables of docs/batch-rules.md, made from the committed reports; run as a script, it prints them."""

import json
import math
from pathlib import Path

from ddal_jax.evaluate import Duel, checkpoint_means
from ddal_jax.evaluate.report import table
from ddal_jax.evaluate.significance import LEVEL
from ddal_jax.experiments import results

RESULTS = Path(__file__).parents[1] / "docs" / "results"
SHORT = {
    "digits": "digits",
    "digits, B = 50": "digits, B = 50",
    "digits, odd or even": "odd or even",
    "multi-class checkerboard": "multi-class board",
    "checkerboard": "binary board",
    "imbalanced digits": "imbalanced",
    "poker": "poker",
}
STEPPED = {
    "imbalanced": "imbalanced",
    "digits": "digits",
    "digits-by-fifty": "digits, B = 50",
    "odd-or-even": "odd or even",
    "multi-class-board": "multi-class board",
    "binary-board": "binary board",
    "poker": "poker",
}
ADVISED = "refined-wide-coverage"
MARKS = {"above": "^", "level": "=", "below": "v"}


def read(folder):
    """A report as numbers."""
    return json.loads((RESULTS / folder / "report.json").read_text(encoding="utf-8"))


def gains(report):
    """Area above random labelling, in points, by strategy and task."""
    names = dict.fromkeys(own["strategy"] for task in report["tasks"] for own in task["standings"])
    rows = [[name, *(_gain(task, name) for task in report["tasks"])] for name in sorted(names, key=_place)]
    return table(["area minus random", *(SHORT[task["task"]] for task in report["tasks"])], rows)


def duels(report):
    """The house's rule against each rival, by rival and task."""
    names = dict.fromkeys(duel["rival"] for task in report["tasks"] for duel in task["duels"])
    rows = [[name, *(duel(task, name) for task in report["tasks"])] for name in sorted(names, key=_place)]
    return table(["`diffusion` minus", *(SHORT[task["task"]] for task in report["tasks"])], rows)


def parts(report):
    """What the ablation's rules gain over random labelling, and how far they are from the default."""
    (task,) = report["tasks"]
    rows = [
        [own["strategy"], _gain(task, own["strategy"]), _difference(task, own["strategy"], "diffusion")]
        for own in task["standings"]
        if own["strategy"] != "random"
    ]
    return table(["rule", "area minus random", "minus `diffusion`"], rows)


def steps():
    """What the house's rule gains over random labelling by the steps of its walk, on the seeds they were chosen on."""
    tasks = {words: read(f"steps/{folder}")["tasks"][0] for folder, words in STEPPED.items()}
    names = {"by the paper's rule": "diffusion"} | {f"T = {t}": f"diffusion:num_steps={t}" for t in (5, 6, 8, 12)}
    rivals = {"best rival of those run": ("badge", "coreset")}
    rows = [[words, *(_gain(task, name) for task in tasks.values())] for words, name in names.items()]
    rows += [[words, *(_best_gain(task, those) for task in tasks.values())] for words, those in rivals.items()]
    return table(["area minus random", *tasks], rows)


def _best_gain(task, names):
    own = [standing for standing in task["standings"] if standing["strategy"] in names]
    return _gain(task, max(own, key=lambda standing: standing["area"])["strategy"]) if own else ""


def means(records):
    """Mean accuracy over checkpoints on fixed graphs, and how far the advised rule is ahead, by rule and task."""
    found = checkpoint_means(records, challenger=ADVISED)
    rows = [
        [name, *(_mean(next(own for own in task if own.strategy == name)) for task in found.values())]
        for name in dict.fromkeys(record.strategy for record in records)
    ]
    return table(["rule", *found], rows)


def _mean(own):
    if own.strategy == ADVISED:
        return f"{own.mean:.1f}"
    return f"{own.mean:.1f} ({own.difference:+.2f} ± {own.difference_error:.2f}{'*' if own.p_value < LEVEL else ''})"


def _place(name):
    order = [
        "random",
        "margin",
        "badge",
        "coreset",
        "coreset-inputs",
        "diffusion-paper",
        "diffusion-plain",
        "diffusion",
    ]
    return order.index(name) if name in order else len(order)


def _gain(task, name):
    return "" if name == "random" else _difference(task, name, "random")


def _difference(task, name, other):
    for pair in task["pairs"]:
        if {pair["first"], pair["second"]} == {name, other}:
            sign = 1 if pair["first"] == name else -1
            error = pair["spread"] / math.sqrt(task["num_seeds"])
            return f"{100 * sign * pair['difference']:+.2f} ± {100 * error:.2f}"
    return ""


def duel(task, name):
    """What the house's rule is ahead of a rival in a task, with the verdict."""
    for own in task["duels"]:
        if own["rival"] == name:
            mark = MARKS[_verdict(own)]
            return f"{100 * own['difference']:+.2f} ± {100 * own['error']:.2f} {mark}"
    return ""


def _verdict(own):
    return Duel(**own).verdict


if __name__ == "__main__":
    print(gains(read("batch-rules")), duels(read("batch-rules")), sep="\n\n")  # noqa: T201
    print(steps(), parts(read("batch-rules-ablation")), sep="\n\n")  # noqa: T201
    print(means(results.read(RESULTS / "fixed-graph" / "results.jsonl.gz").records))  # noqa: T201
