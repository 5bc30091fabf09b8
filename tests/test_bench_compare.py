"""Two results files: a made-up slowdown is found, on a slower machine too, and noise is not taken for one."""

import json

import pytest
from made_timings import run_of

from benchmarks import cli, files
from benchmarks.compare import compare

USUAL = {"ddal_jax": 0.010, "faiss": 0.020, "scikit-learn": 0.030}


def _ours_times(factor):
    return USUAL | {"ddal_jax": factor * USUAL["ddal_jax"]}


def test_a_made_up_slowdown_is_found():
    [change] = compare(run_of("knn", USUAL), run_of("knn", _ours_times(1.3), seed=1))

    assert change.verdict == "slower"
    assert change.factor == pytest.approx(1.3, rel=0.05)  # Medians of 7 with a jitter of 0.02.
    assert change.yardsticks == ("faiss", "scikit-learn")


def test_a_gain_is_told_and_is_no_slowdown():
    [change] = compare(run_of("knn", USUAL), run_of("knn", _ours_times(0.7), seed=1))

    assert change.verdict == "faster"


@pytest.mark.parametrize("jitter", [0.02, 0.1, 0.3])
def test_noise_is_not_taken_for_a_slowdown(jitter):
    pairs = [(2 * number, 2 * number + 1) for number in range(50)]

    verdicts = [
        compare(run_of("knn", USUAL, seed=a, jitter=jitter), run_of("knn", USUAL, seed=b, jitter=jitter))[0].verdict
        for a, b in pairs
    ]

    # The rule promises no share; one in fifty is what a gate can live with.
    assert verdicts.count("slower") <= 1


def test_a_slowdown_within_wide_noise_is_not_claimed():
    noisy, slower = run_of("knn", USUAL, jitter=0.3), run_of("knn", _ours_times(1.2), seed=1, jitter=0.3)

    assert compare(noisy, slower)[0].verdict == "as before"


@pytest.mark.parametrize("methods", [list(USUAL), ["ddal_jax"]], ids=["by peers", "by the machine's rates"])
def test_a_slower_machine_is_no_slower_kernel(methods):
    usual = {name: USUAL[name] for name in methods}

    [change] = compare(run_of("knn", usual), run_of("knn", usual, seed=1, speed=0.5))

    assert change.verdict == "as before"


@pytest.mark.parametrize(("factor", "verdict"), [(1.25, "as before"), (1.5, "slower")])
def test_without_peers_the_machines_rates_are_the_yardstick_and_more_is_allowed(factor, verdict):
    old, new = {"ddal_jax": 0.010}, {"ddal_jax": 0.010 * factor}

    [change] = compare(run_of("knn", old), run_of("knn", new, seed=1, speed=0.8))

    assert change.yardsticks == ("the machine's rates",)
    assert change.verdict == verdict


def test_a_peer_that_became_slower_or_disagrees_hides_nothing():
    new = run_of("knn", _ours_times(1.4) | {"scikit-learn": 0.3}, seed=1)
    new[0]["agreement"]["scikit-learn"]["agrees"] = False

    [change] = compare(run_of("knn", USUAL), new)

    assert change.yardsticks == ("faiss",)
    assert change.verdict == "slower"


def test_a_sibling_is_no_yardstick():
    old = run_of("query", {"ddal_jax": 0.010, "diffusion alone": 0.008})
    new = run_of("query", {"ddal_jax": 0.020, "diffusion alone": 0.016}, seed=1)
    for records in (old, new):
        records[0]["agreement"], records[1]["agreement"] = {}, {}

    [change] = compare(old, new)

    assert change.verdict == "slower"


def test_a_short_kernel_is_slower_only_if_its_shortest_repetitions_are():
    old, new = run_of("selection", {"ddal_jax": 1e-4}), run_of("selection", {"ddal_jax": 1e-4}, seed=1)
    # The pool of threads fell asleep in most repetitions.
    new[0]["run_s"]["each"] = [1e-4, 1e-4, *(5e-4 for _ in range(5))]

    assert compare(old, new)[0].verdict == "as before"


def test_cases_are_matched_by_kernel_sizes_and_device_and_the_last_run_of_each_counts():
    old = [
        *run_of("knn", _ours_times(3), points=2000),
        *run_of("knn", USUAL, points=2000),
        *run_of("knn", USUAL, points=10_000),
        *run_of("round_board", {"ddal_jax": 1.0}, seeds=50),
    ]
    new = [
        *run_of("knn", USUAL, points=2000, seed=1),
        *run_of("affinity", USUAL, points=2000, seed=1),
        *run_of("round_board", {"ddal_jax": 9.0}, seeds=50, device={"device_count": 2}),
    ]

    [change] = compare(old, new)

    assert (change.kernel, change.sizes, change.verdict) == ("knn", {"points": 2000}, "as before")


def test_slower_first_calls_and_more_memory_are_told_and_decide_nothing():
    new = run_of("knn", USUAL, seed=1, compile_s=1.2)
    new[0]["memory"]["program_bytes"] = 2**22

    [change] = compare(run_of("knn", USUAL), new)

    assert change.verdict == "as before"
    assert change.remarks == ("first call 0.50 s -> 1.20 s", "program 1.0 MiB -> 4.0 MiB")


def test_records_without_single_repetitions_are_compared_by_their_extremes():
    old = run_of("knn", USUAL)
    for record in old:
        del record["run_s"]["each"]

    assert compare(old, run_of("knn", USUAL, seed=1))[0].verdict == "as before"
    assert compare(old, run_of("knn", _ours_times(2), seed=1))[0].verdict == "slower"


def test_the_command_ends_with_1_if_and_only_if_something_became_slower(tmp_path, capsys):
    old, same, slow = (tmp_path / f"{name}.jsonl" for name in ("old", "same", "slow"))
    files.append(old, run_of("knn", USUAL))
    files.append(same, run_of("knn", USUAL, seed=1))
    files.append(slow, run_of("knn", _ours_times(1.5), seed=1))

    assert cli.main(["compare", str(old), str(same)]) == 0
    assert "1 cases compared: 0 slower, 0 faster" in capsys.readouterr().out
    assert cli.main(["compare", str(old), str(slow)]) == 1
    assert "!!! knn (points 2000) on cpu (made up, 2 cores): slower" in capsys.readouterr().out


def test_a_machine_that_was_busy_is_pointed_out(tmp_path, capsys):
    old, new = tmp_path / "old.jsonl", tmp_path / "new.jsonl"
    files.append(old, run_of("knn", USUAL))
    files.append(new, run_of("knn", USUAL, seed=1, speed=0.4))

    assert cli.main(["compare", str(old), str(new)]) == 0
    assert "measure again" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "must be one that is there"),
        ("", "it is empty"),
        ("no JSON\n", "line 1 is none"),
        ("3\n", "line 1 is none"),
        (json.dumps({"kernel": "knn"}) + "\n", "line 1 lacks method, sizes"),
        (json.dumps(run_of("knn", USUAL, device={"cpu": "another"})[0]) + "\n", "must have a case in common"),
    ],
)
def test_files_that_cannot_be_compared_are_refused(text, told, tmp_path, capsys):
    old, new = tmp_path / "old.jsonl", tmp_path / "new.jsonl"
    files.append(old, run_of("knn", USUAL))
    if text is not None:
        new.write_text(text)

    with pytest.raises(SystemExit) as refusal:
        cli.main(["compare", str(old), str(new)])

    assert refusal.value.code == 2
    assert told in capsys.readouterr().err


def test_compare_takes_two_files(capsys):
    with pytest.raises(SystemExit) as refusal:
        cli.main(["compare", "one.jsonl"])

    assert refusal.value.code == 2
    assert "compare takes two files, OLD and NEW; got 1" in capsys.readouterr().err
