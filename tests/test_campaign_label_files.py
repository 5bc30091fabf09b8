"""Tables of labels as people have them: what can be read is read, the rest is refused with line and remedy."""

import numpy as np
import pytest
from campaigns import FEATURES, NUM_POINTS, begin, standing, write_labels, write_text

from ddal_jax.campaign.label_files import read_labels
from ddal_jax.campaign.labeled_pools import read_labeled_pool

BAD_LABELS = [
    ("", r"labels\.csv is empty; its first line must name the columns: id,label"),
    ("id,label\n", "holds no line below its header"),
    ("name,label\n1,a\n", "line 1: has no column 'id'; its columns are name, label.*--map id=COLUMN"),
    ("id,label,action\n5,a,ignore\n", r"line 2: has the label 'a' and the action 'ignore', which takes none"),
    ("id,label\n5," + "9" * 5000 + "\n", "line 2: a label has at most 4000 characters; got 5000"),
    ("id,klass\n1,a\n", "line 1: has no column 'label'.*--map label=COLUMN"),
    ("1,a\n2,b\n", "line 1: has no column 'id'; its columns are 1, a"),
    ("id,label\n1,a\n2\n", "line 3: must have 2 cells, as the header has; got 1"),
    ("id,label\n1,a\n2,b,c\n", "line 3: must have 2 cells.*Quote"),
    ("id,label\n1,a\n99,b\n", r"line 3: id '99' is not in the pool \(ids here are row numbers from 0 to 39\)"),
    ("id,label\n1,a\n-1,b\n", "line 3: id '-1' is not in the pool"),
    ("id,label\n1.0,a\n", "line 2: id '1.0' is not in the pool"),
    ("id,label\n1,a\n,b\n", "line 3: has no id"),
    ("id,label\n1,a\n\n2,b\n1,b\n", "line 5: the file gives id '1' label 'b', but label 'a' at .*line 2"),
    ("id,label,annotator\n1,a,x\n1,b,y\n1,b,x\n", "line 4: annotator 'x' gives id '1' label 'b', but label 'a' at"),
    ("id,label,action\n1,a,\n1,,ignore\n", "line 3: the file gives id '1' action 'ignore', but label 'a' at"),
    ("id,label,annotator,action\n1,a,x,\n1,,,ignore\n", "line 2: gives id '1' label 'a', but it is to be ignored at"),
    ("id,label,action\n1,a,erase\n", "line 2: action must be one of set, unset, ignore; got 'erase'"),
    ('id,label\n1,"a\n', "line 2: is not CSV"),
    ("id,label,label\n1,a,b\n", "line 1: column 'label' stands there twice"),
    ("id,label\n30,a\n", "line 2: id '30' is ignored.*unset"),
    ("id,label,annotator\n31,a,x\n", "line 2: id '31' is ignored.*the line 31,x,unset"),
]


@pytest.mark.parametrize(("text", "told"), BAD_LABELS, ids=[told[:60] for _, told in BAD_LABELS])
def test_a_bad_label_file_is_refused_whole(tmp_path, text, told):
    campaign = begin(tmp_path)
    ignored = [("30", "", "ignore"), ("31", "x", "ignore")]
    campaign.ingest(write_labels(tmp_path / "ignored.csv", ignored, ("id", "annotator", "action")))
    before = standing(campaign)

    with pytest.raises(ValueError, match=told):
        campaign.ingest(write_text(tmp_path / "labels.csv", text))

    assert standing(campaign) == before


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("id,label\n1,a\n2,é\n".encode("latin-1"), "line 3: must be UTF-8 text; save the file as UTF-8"),
        ("id,label\n1,a\n".encode("utf-16"), "line 1: must be UTF-8 text; got UTF-16"),
        ("id,label\n1,a\n".encode("utf-16-le"), "line 1: must be UTF-8 text; got NUL bytes"),
    ],
)
def test_labels_in_another_encoding_are_refused(tmp_path, content, told):
    (tmp_path / "labels.csv").write_bytes(content)

    with pytest.raises(ValueError, match=told):
        begin(tmp_path).ingest(tmp_path / "labels.csv")


@pytest.mark.parametrize(
    "content",
    [
        b"id,label\r\n1,\xc3\xa9\r\n2,b\r\n",
        b"\xef\xbb\xbfid,label\n1,\xc3\xa9\n2,b\n",
        b"rank,id,score,label\n1, 1 ,0.5, \xc3\xa9\n\n2,2,0.5,b\n\n",
        b'"id","label"\n"1","\xc3\xa9"\n"2","b"',
    ],
    ids=["CRLF", "byte order mark", "further columns, spaces, blank lines", "quotes, no last line end"],
)
def test_tables_are_taken_as_programs_write_them(tmp_path, content):
    campaign = begin(tmp_path)
    (tmp_path / "labels.csv").write_bytes(content)

    campaign.ingest(tmp_path / "labels.csv")

    assert standing(campaign) == {("1", ""): "é", ("2", ""): "b"}


def test_missing_labels_in_any_usual_form_say_nothing(tmp_path):
    forms = ["", "NA", "n/a", "NaN", "nan", "null", "NULL", "None", "-1", "-1.0", "<NA>", "  "]
    path = write_labels(tmp_path / "labels.csv", [*enumerate(forms), (20, "a")])

    found = read_labels(path, columns={}, classes=None)

    assert (found.num_missing, [(vote.id, vote.label) for vote in found.votes]) == (len(forms), [("20", "a")])


def test_whole_numbers_that_became_floats_are_whole_again(tmp_path):
    path = write_labels(tmp_path / "labels.csv", [(1, "3.0"), (2, "3"), (3, "3.5")])

    assert [vote.label for vote in read_labels(path, columns={}, classes=None).votes] == ["3", "3", "3.5"]


def test_a_fixed_class_is_a_class_whatever_its_name(tmp_path):
    path = write_labels(tmp_path / "labels.csv", [(1, "NA"), (2, "1.0"), (3, "")])

    found = read_labels(path, columns={}, classes=["NA", "1.0"])

    assert [vote.label for vote in found.votes] == ["NA", "1.0"]
    with pytest.raises(ValueError, match="line 2: label 'dgo' is none of the classes cat, dog, which were fixed"):
        read_labels(write_labels(tmp_path / "labels.csv", [(1, "dgo")]), columns={}, classes=["dog", "cat"])


def test_labels_at_the_start_are_refused_before_anything_is_made(tmp_path):
    labels = write_labels(tmp_path / "labels.csv", [("1", "a"), ("99", "b")])

    with pytest.raises(ValueError, match="line 3: id '99' is not in the pool"):
        begin(tmp_path, labels=labels)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["labels.csv", "pool.npy"]
    labels = write_labels(labels, [("1", "a")])
    assert standing(begin(tmp_path, labels=labels)) == {("1", ""): "a"}


@pytest.mark.parametrize("classes", [["a", "a"], ["a", ""]])
def test_classes_must_be_names_that_differ(tmp_path, classes):
    with pytest.raises(ValueError, match="classes must be names that differ"):
        begin(tmp_path, classes=classes)


def test_columns_may_be_named_otherwise(tmp_path):
    campaign = begin(tmp_path)
    path = write_labels(tmp_path / "labels.csv", [("1", "a", "x")], ("key", "answer", "who"))

    campaign.ingest(path, columns={"id": "key", "label": "answer", "annotator": "who"})

    assert standing(campaign) == {("1", "x"): "a"}
    with pytest.raises(ValueError, match="--map must name some of id, label, annotator, action; got 'klass'"):
        campaign.ingest(path, columns={"klass": "answer"})


def test_a_labeled_pool_needs_no_campaign(tmp_path):
    np.save(tmp_path / "pool.npy", FEATURES)
    labels = write_labels(tmp_path / "labels.csv", [("3", "10"), ("5", "9"), ("6", "")])

    found = read_labeled_pool(tmp_path / "pool.npy", labels)

    assert found.classes == ("9", "10")
    expected = np.full(NUM_POINTS, -1)
    expected[[3, 5]] = [1, 0]
    np.testing.assert_array_equal(found.labels, expected)
