"""`ddal theory` measures, tells verdicts as they come, and writes results, report and figures."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from made_claims import cheap_claim

from ddal_jax import cli
from ddal_jax.cli import theory
from ddal_jax.theory import results
from ddal_jax.theory.claims.types import Verdict

WRITTEN = {"results.jsonl", "report.md", "sign-cut.png"}


@pytest.fixture(autouse=True)
def seen(monkeypatch, tmp_path):
    """Replaces the claims by two that cost nothing, and returns what they are measured with."""
    seen = []
    monkeypatch.setattr(theory, "prepare_jax", lambda: None)
    claims = {name: cheap_claim(name, seen=seen) for name in ("sign-cut", "eigenproblem")}
    monkeypatch.setattr(theory, "CLAIMS", claims)
    monkeypatch.setattr("ddal_jax.theory.report._TABLES", {})
    monkeypatch.chdir(tmp_path)
    return seen


@pytest.fixture
def without_figures(monkeypatch):
    import ddal_jax.figures.theory

    monkeypatch.setitem(sys.modules, "ddal_jax.figures.theory.pictures", None)
    monkeypatch.delattr(ddal_jax.figures.theory, "pictures", raising=False)


def _names(folder):
    return {path.name for path in folder.iterdir()}


def test_the_command_writes_all_it_names_and_an_earlier_report_is_replaced(tmp_path, capsys, seen):
    (tmp_path / "theory").mkdir()
    (tmp_path / "theory" / "notes.txt").write_text("mine")

    assert cli.main(["theory"]) == 0
    printed = capsys.readouterr().out
    assert _names(tmp_path / "theory") == WRITTEN | {"notes.txt"}
    assert cli.main(["theory", "--claims", "eigenproblem", "--seeds", "2"]) == 0

    assert all(name in printed for name in WRITTEN)
    assert "On sign-cut (Section of sign-cut)\n  holds          sign-cut is small.\n" in printed
    assert _names(tmp_path / "theory") == WRITTEN - {"sign-cut.png"} | {"notes.txt"}
    assert "**Holds: eigenproblem is small.**" in (tmp_path / "theory" / "report.md").read_text()
    found = results.read(tmp_path / "theory" / "results.jsonl")
    assert list(found.rows) == ["eigenproblem"]
    assert found.header.environment["packages"]["jax"] == jax.__version__
    assert [effort.num_seeds for effort, _ in seen] == [20, 20, 2]


def test_saved_results_are_judged_and_drawn_as_they_were(tmp_path, without_figures, capsys, seen, monkeypatch):
    assert cli.main(["theory", "--quick", "-o", "out"]) == 0
    before = (tmp_path / "out" / "report.md").read_text()

    assert cli.main(["theory", "--from", "out/results.jsonl"]) == 0
    assert cli.main(["theory", "--from", "out/results.jsonl", "-o", "copy"]) == 0

    assert (tmp_path / "out" / "report.md").read_text() == before
    for name in ("report.md", "results.jsonl"):
        assert (tmp_path / "copy" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()
    assert len(seen) == 2  # measured once

    def judge(rows):
        return [Verdict("It is large.", "None.", False, "Nothing.")]

    monkeypatch.setitem(theory.CLAIMS, "sign-cut", cheap_claim("sign-cut").__class__(
        title="New", place="Here", measure=lambda effort, own: [], judge=judge
    ))  # fmt: skip
    capsys.readouterr()
    assert cli.main(["theory", "--from", "out/results.jsonl"]) == 0
    assert "  does not hold  It is large.\n" in capsys.readouterr().out


def test_claims_are_measured_in_float64_and_judged_as_they_are_saved(without_figures, monkeypatch):
    dtypes, judged = [], []

    def measure(effort, own):
        dtypes.append(jnp.zeros(()).dtype)
        return [{"error": jnp.asarray(0.25), "bound": np.inf}]

    def judge(rows):
        judged.append(rows)
        return []

    made = cheap_claim("sign-cut").__class__(title="Title", place="Place", measure=measure, judge=judge)
    monkeypatch.setattr(theory, "CLAIMS", {"sign-cut": made})

    assert cli.main(["theory", "-o", "out"]) == 0
    assert cli.main(["theory", "--from", "out/results.jsonl"]) == 0

    assert dtypes == [jnp.float64]
    assert jnp.zeros(()).dtype == jnp.float32
    assert judged == [[{"error": 0.25, "bound": None}]] * 2


def test_without_matplotlib_the_rest_is_written(tmp_path, without_figures, capsys):
    assert cli.main(["theory", "--quick"]) == 0

    assert "No figures drawn." in capsys.readouterr().out
    assert _names(tmp_path / "theory") == WRITTEN - {"sign-cut.png"}
    assert "![" not in (tmp_path / "theory" / "report.md").read_text()


def _save_pool(path, num_points):
    images = np.arange(num_points * 6, dtype=np.float32).reshape(num_points, 2, 3, 1)
    labels = np.arange(num_points) % 2
    np.savez(path, inputs=images, labels=labels, test_inputs=images[:2], test_labels=labels[:2])


def test_a_pool_of_ones_own_is_flattened_and_a_large_one_is_a_part(
    tmp_path, without_figures, monkeypatch, seen, capsys
):
    _save_pool(tmp_path / "mine.npz", 40)
    words = ["theory", "--quick", "--claims", "sign-cut", "--data", "mine.npz"]

    assert cli.main(words) == 0
    monkeypatch.setattr(theory, "_MOST_POINTS", 30)
    assert cli.main(words) == 0

    whole, part = (own for _, own in seen)
    assert whole.name == "mine"
    assert whole.features.shape == (40, 6)
    np.testing.assert_array_equal(whole.labels, np.arange(40) % 2)
    assert part.name == "mine, 30 of 40"
    assert len({tuple(row) for row in part.features}) == 30
    np.testing.assert_array_equal(part.labels, part.features[:, 0] // 6 % 2)  # rows and labels stay together
    assert "mine.npz: 30 of its 40 points, drawn with seed 0." in capsys.readouterr().out
    assert results.read(tmp_path / "theory" / "results.jsonl").header.data == "mine, 30 of 40"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--claims", "lemma-2"], "claims must be one of 'sign-cut', 'eigenproblem'; got 'lemma-2'"),
        (["--claims", ""], "claims must be one of"),
        (["--seeds", "1"], "num_seeds must be at least 2; got 1"),
        (["--data", "imagenet"], "data must be one of 'digits'"),
        (["--data", "absent.npz"], "data must be a file that is there; got 'absent.npz'"),
        (
            ["--from", "absent.jsonl"],
            "--from must be a results.jsonl that `ddal theory` wrote; there is no file absent",
        ),
        (
            ["--from", "absent.jsonl", "--quick", "--seeds", "3"],
            "--from takes what was measured as it is; got --seeds, --q",
        ),
    ],
)
def test_bad_input_has_exit_code_2_and_writes_nothing(words, message, tmp_path, capsys, seen):
    assert cli.main(["theory", *words, "-o", "out"]) == 2

    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    assert not seen


@pytest.mark.parametrize("name", ["results.jsonl", "report.md", "sign-cut.png"])
def test_what_is_no_report_on_claims_is_not_replaced(name, tmp_path, capsys, seen):
    (tmp_path / name).write_text("precious")

    assert cli.main(["theory", "-o", "."]) == 2

    assert (tmp_path / name).read_text() == "precious"
    assert f"--output must not hold other results; . has {name}" in capsys.readouterr().err
    assert not seen


def test_results_that_no_rule_can_read_are_refused(tmp_path, without_figures, capsys, monkeypatch):
    assert cli.main(["theory", "--quick", "--claims", "sign-cut"]) == 0
    path = tmp_path / "theory" / "results.jsonl"
    text = path.read_text()

    path.write_text(text.replace('"error"', '"mistake"'))
    assert cli.main(["theory", "--from", str(path)]) == 2
    assert "must hold of sign-cut what its judgement reads; it does not: KeyError('error')" in capsys.readouterr().err
    path.write_text(text.replace('"sign-cut"', '"sine-cut"'))
    assert cli.main(["theory", "--from", str(path)]) == 2
    assert "must be one of 'sign-cut', 'eigenproblem'; got 'sine-cut'" in capsys.readouterr().err


def test_help_lists_the_claims(capsys):
    with pytest.raises(SystemExit):
        cli.main(["theory", "--help"])

    assert "eigenproblem     On eigenproblem (Section of eigenproblem)" in capsys.readouterr().out


@pytest.mark.slow
def test_a_claim_of_the_paper_is_measured_for_real(monkeypatch, tmp_path):
    from ddal_jax.theory.claims.catalog import CLAIMS

    monkeypatch.undo()
    monkeypatch.setattr(theory, "prepare_jax", lambda: None)

    assert cli.main(["theory", "--quick", "--seeds", "2", "--claims", "reach", "-o", str(tmp_path)]) == 0

    assert "reach" in CLAIMS
    assert "The reach of a label" in (tmp_path / "report.md").read_text()
    assert _names(tmp_path) == {"results.jsonl", "report.md", "reach.png"}
