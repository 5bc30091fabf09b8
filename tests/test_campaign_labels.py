"""Labels that come in, are corrected and taken back: every vote is kept, and what stands follows from the log."""

import pytest
from campaigns import BATCH, CLASSES, NUM_POINTS, begin, classes_of, label, may_be_asked, standing

from ddal_jax.campaign import NothingLeft


@pytest.fixture
def campaign(tmp_path):
    return begin(tmp_path, classes=CLASSES)


def test_undo_takes_back_ingest_by_ingest_what_each_had_changed(campaign):
    stages = [standing(campaign)]
    for number, rows in enumerate([[("1", "a"), ("2", "b")], [("2", "a"), ("3", "b")], [("1", "b")]]):
        label(campaign, rows, f"{number}.csv")
        stages.append(standing(campaign))

    for stage in stages[-2::-1]:
        campaign.undo()
        assert standing(campaign) == stage
    with pytest.raises(NothingLeft, match="no ingest is left"):
        campaign.undo()


def test_an_ingest_after_an_undo_is_what_the_next_undo_takes_back(campaign):
    for number, rows in enumerate([[("1", "a")], [("2", "b")]]):
        label(campaign, rows, f"{number}.csv")
    campaign.undo()
    label(campaign, [("3", "a")], "2.csv")

    assert [campaign.undo().file for _ in range(2)] == ["2.csv", "0.csv"]
    assert standing(campaign) == {}


def test_the_same_file_again_changes_nothing(campaign):
    first = label(campaign, [("1", "a"), ("2", "b")])
    label(campaign, [("3", "a")], "other.csv")
    before = standing(campaign)

    again = label(campaign, [("1", "a"), ("2", "b")])

    assert (first.ingest, first.new, first.repeated) == (1, 2, None)
    assert (again.ingest, again.repeated, again.new, again.changed, again.same) == (None, 1, 0, 0, 2)
    assert standing(campaign) == before
    assert campaign.undo().file == "other.csv"


def test_the_last_word_counts_in_the_same_file_too_is_told_and_can_be_undone(campaign):
    label(campaign, [("1", "a"), ("2", "b")])
    label(campaign, [("2", "a")], "correction.csv")
    corrected = standing(campaign)

    again = label(campaign, [("1", "a"), ("2", "b")])

    assert (again.repeated, again.new, again.changed, again.same, again.changed_ids) == (1, 0, 1, 1, ("2",))
    assert standing(campaign) == {("1", ""): "a", ("2", ""): "b"}
    assert label(campaign, [("1", "a"), ("2", "b")]).ingest is None
    assert campaign.undo().ingest == again.ingest
    assert standing(campaign) == corrected


@pytest.mark.parametrize("annotator", ["", "x"])
def test_a_skip_taken_back_can_be_said_again_by_the_same_file(campaign, annotator):
    header = ("id", "annotator", "action")
    label(campaign, [("5", annotator, "ignore")], "skips.csv", header)
    label(campaign, [("5", annotator, "unset")], "back.csv", header)

    again = label(campaign, [("5", annotator, "ignore")], "skips.csv", header)

    assert (again.ingest, again.repeated, again.new) == (3, 1, 1)
    assert standing(campaign) == {("5", annotator): "ignore"}
    assert label(campaign, [("5", annotator, "unset")], "back.csv", header).changed_ids == ("5",)


def test_the_same_votes_from_another_file_count_after_a_correction(campaign):
    label(campaign, [("1", "a"), ("2", "b")], "first.csv")
    label(campaign, [("1", "b")], "correction.csv")

    back = label(campaign, [("1", "a"), ("2", "b")], "second thoughts.csv")

    assert (back.repeated, back.new, back.changed, back.same) == (None, 0, 1, 1)
    assert standing(campaign) == {("1", ""): "a", ("2", ""): "b"}


def test_a_file_taken_back_can_be_taken_in_again(campaign):
    rows = [("1", "a")]
    label(campaign, rows)
    campaign.undo()

    assert label(campaign, rows).new == 1
    assert standing(campaign) == {("1", ""): "a"}


def test_only_what_differs_from_what_stands_is_added(campaign):
    label(campaign, [("1", "a"), ("2", "b")])

    found = label(campaign, [("1", "a"), ("2", "a"), ("3", "b"), ("4", "")], "more.csv")

    assert (found.new, found.changed, found.same, found.missing) == (1, 1, 1, 1)


def test_votes_of_several_annotators_are_kept_and_a_tie_is_asked_again(campaign):
    header = ("id", "label", "annotator")
    votes = [("1", "a", "x"), ("1", "a", "y"), ("1", "b", "z"), ("2", "a", "x"), ("2", "b", "y")]
    label(campaign, votes, header=header)

    status = campaign.status()

    assert (status["labeled"], status["per_class"], status["tied_ids"]) == (1, {"a": 1, "b": 0}, ["2"])
    assert len(standing(campaign)) == 5
    label(campaign, [(str(row), "a") for row in range(NUM_POINTS) if row not in (1, 2, 7, 8, 9)], "rest.csv")
    assert "2" in [query["id"] for query in campaign.next(BATCH).queries]
    assert "2" not in may_be_asked(campaign)
    label(campaign, [("2", "b", "z")], "third.csv", header)
    assert campaign.status()["per_class"]["b"] == 1


def test_a_skip_takes_a_point_out_until_somebody_labels_it(campaign):
    header = ("id", "label", "annotator", "action")
    label(campaign, [("1", "", "x", "ignore")], header=header)
    assert campaign.status()["ignored"] == 1

    label(campaign, [("1", "a", "y", "")], "other.csv", header)

    assert [campaign.status()[name] for name in ("ignored", "labeled")] == [0, 1]


def test_who_skipped_a_point_may_label_it_later(campaign):
    header = ("id", "label", "annotator", "action")
    label(campaign, [("1", "", "x", "ignore")], header=header)

    found = label(campaign, [("1", "a", "x", "")], "later.csv", header)

    assert (found.new, found.changed) == (0, 1)
    assert standing(campaign) == {("1", "x"): "a"}
    assert [campaign.status()[name] for name in ("ignored", "labeled")] == [0, 1]
    campaign.undo()
    assert standing(campaign) == {("1", "x"): "ignore"}


def test_what_nobody_in_particular_ignores_counts_for_nobody(campaign):
    header = ("id", "label", "annotator", "action")
    label(campaign, [("1", "a", "x", ""), ("2", "a", "x", "")], header=header)

    label(campaign, [("1", "", "", "ignore")], "ignore.csv", header)

    assert [campaign.status()[name] for name in ("ignored", "labeled")] == [1, 1]
    assert "1" not in may_be_asked(campaign)


def test_classes_may_appear_and_disappear_in_mid_campaign(tmp_path):
    campaign = begin(tmp_path)
    seen = []
    for number, rows in enumerate([[("1", 10)], [("2", "x"), ("3", "2")]]):
        label(campaign, rows, f"{number}.csv")
        seen.append(classes_of(campaign))
    campaign.undo()
    seen.append(classes_of(campaign))

    assert seen == [("10",), ("2", "10", "x"), ("10",)]
