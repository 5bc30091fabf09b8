"""The comparison in words says what was resolved and what could not be."""

import json

from made_records import GAINS, TWO, noisy, records_of

from ddal_jax import evaluate


def test_the_comparison_is_plain_json():
    records = [record for record in records_of(TWO) if record.cycle != 1]

    text = json.dumps(evaluate.compare(records, target=1.0).as_dict(), allow_nan=False)

    standing = json.loads(text)["tasks"][0]["standings"][0]
    assert standing["labels"] is None
    assert standing["acquisition"] is None


def test_report_tells_seeds_and_what_they_could_resolve_at_all():
    few = evaluate.report(evaluate.compare(records_of(noisy(GAINS, num_seeds=5), range(10, 70, 10))))
    more = evaluate.report(evaluate.compare(records_of(noisy(GAINS, num_seeds=8), range(10, 70, 10))))

    assert "5 paired seeds, 10 to 60 labels" in few
    assert "**No difference resolved** between any two strategies." in few
    assert "With 5 seeds this test cannot resolve any of 6 pairs; it takes at least 8 seeds." in few
    assert "Resolved above random: better. Resolved below random: worse." in more
    assert "cannot resolve" not in more


def test_report_counts_the_labels_saved_and_says_if_that_is_chance():
    two_seeds = evaluate.report(evaluate.compare(records_of(TWO)))
    ten_seeds = evaluate.report(evaluate.compare(records_of({name: own * 5 for name, own in TWO.items()})))

    saved = "other reaches 0.700 with 16 labels in the mean, random with 30: 47% fewer."
    assert f"{saved} The difference of their areas is not resolved." in two_seeds
    assert "intervals of so few seeds are too narrow" in two_seeds
    assert f"{saved}\n" in ten_seeds
    assert "too narrow" not in ten_seeds


def test_tables_of_the_report_have_equal_rows():
    lines = evaluate.report(evaluate.compare(records_of(noisy(GAINS, num_seeds=4), range(10, 70, 10)))).splitlines()

    tables, previous = [], ""
    for line in lines:
        if line.startswith("|"):
            tables.append([line]) if not previous.startswith("|") else tables[-1].append(line)
        previous = line
    assert len(tables) == 3
    assert all(len({(len(line), line.count("|")) for line in own}) == 1 for own in tables)
