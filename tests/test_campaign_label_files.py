"""Tables of labels as people have them: what can be read is read, the rest is refused with line and remedy."""

import json
import os

import numpy as np
import pytest
from campaigns import FEATURES, NUM_POINTS, begin, standing, write_labels, write_pool, write_text

from ddal_jax.campaign import Campaign
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
    ("id,label\n30,a\n", "line 2: id '30' is ignored for everybody.*the line 30,unset"),
    ("id,label,annotator\n30,a,x\n", "line 2: id '30' is ignored for everybody.*the line 30,unset"),
    ("id;label\n1;a;b\n", "line 2: must have 2 cells.*Quote cells that contain semicolons"),
    ("ID,id,Id\n1,2,3\n", "line 1: has no column 'label'"),
    ("ID,Id,label\n1,2,a\n", "line 1: has no column 'id'; its columns are ID, Id, label"),
    ('id,label\n1,"a\nb"\n', r"line 2: label 'a\\nb' must have no line breaks or other control characters"),
    ("id,label,annotator\n1,a,x\ty\n", r"line 2: annotator 'x\\ty' must have no line breaks"),
]


@pytest.mark.parametrize(("text", "told"), BAD_LABELS, ids=[told[:60] for _, told in BAD_LABELS])
def test_a_bad_label_file_is_refused_whole(tmp_path, text, told):
    campaign = begin(tmp_path)
    campaign.ingest(write_labels(tmp_path / "ignored.csv", [("30", "ignore")], ("id", "action")))
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
        b"\xef\xbb\xbfid;label\r\n1;\xc3\xa9\r\n2;b\r\n",
        b"id\tlabel\tnote\n1\t\xc3\xa9\tx, y; z\n2\tb\t\n",
        b"ID,Label\n1,\xc3\xa9\n2,b\n",
        '[{"id": 1, "label": "é"}, {"id": "2", "label": "b", "score": [1]}, {"id": 3, "label": null}]'.encode(),
        '{"id": "1", "label": "é"}\r\n\n{"id": 2, "label": " b", "annotator": null}\n'.encode(),
        '{"id": "1", "label": "é"}\n{"id": 2, "label": "b"}'.encode("utf-8-sig"),
    ],
    ids=[
        "CRLF", "byte order mark", "further columns, spaces, blank lines", "quotes, no last line end",
        "semicolons", "tabs", "capitals", "JSON records", "JSON lines", "JSON lines with a byte order mark",
    ],
)  # fmt: skip
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
    assert found.missing_words == tuple(word for word in forms if word.strip())


def test_whole_numbers_that_became_floats_are_whole_again(tmp_path):
    path = write_labels(tmp_path / "labels.csv", [(1, "3.0"), (2, "3"), (3, "3.5")])

    assert [vote.label for vote in read_labels(path, columns={}, classes=None).votes] == ["3", "3", "3.5"]


@pytest.mark.parametrize("end", ["json", "csv"])
def test_a_choice_of_a_labelling_tool_is_a_class_name_as_it_is(tmp_path, end):
    names = ["None", "2.0", "NA", "-1", "nan"]
    rows = [
        {"id": row, "annotation_id": row, "annotator": 1, "created_at": "", "updated_at": "", "lead_time": 1.5}
        | {"pool_id": str(row), "label": name}
        for row, name in enumerate(names)
    ]
    path = tmp_path / f"export.{end}"
    if end == "json":
        path.write_text(json.dumps(rows))
    else:
        write_labels(path, [row.values() for row in rows], tuple(rows[0]))

    found = read_labels(path, columns={}, classes=None)

    assert [vote.label for vote in found.votes] == names
    assert (found.num_missing, found.missing_words) == (0, ())


def _task(answers, **data):
    results = [
        {"from_name": control, "to_name": "item", "type": "choices", "value": {"choices": [choice]}}
        for control, choice in answers.items()
    ]
    return {"data": data, "annotations": [{"completed_by": 1, "updated_at": "2026", "result": results}]}


def test_control_and_id_field_of_an_export_can_be_named(tmp_path):
    path = write_text(tmp_path / "export.json", json.dumps([_task({"kind": "cat", "quality": "good"}, uid="7")]))

    found = read_labels(path, columns={"label": "kind", "id": "uid"}, classes=None)

    assert [(vote.id, vote.label, vote.annotator) for vote in found.votes] == [("7", "cat", "1")]
    with pytest.raises(ValueError, match="columns must name some of id, label for .*export.json.*; got 'annotator'"):
        read_labels(path, columns={"annotator": "who"}, classes=None)


def test_records_have_the_rules_of_tables(tmp_path):
    records = [
        {"id": 1, "label": 3.0}, {"id": 2, "label": float("nan")}, {"id": 3, "label": "NA"}, {"id": 4, "label": True},
        {"id": 5, "label": "a", "annotator": 7}, {"id": 5, "action": "ignore", "annotator": 8},
    ]  # fmt: skip
    path = write_text(tmp_path / "labels.json", json.dumps(records))

    found = read_labels(path, columns={}, classes=None)

    said = [(vote.id, vote.action, vote.label, vote.annotator) for vote in found.votes]
    assert said == [
        ("1", "set", "3", ""), ("4", "set", "true", ""), ("5", "set", "a", "7"), ("5", "ignore", None, "8")
    ]  # fmt: skip
    assert (found.num_missing, found.missing_words) == (2, ("NaN", "NA"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"rank": 1, "id": "1"}\n{"rank": 2, "id": "2"}', r"has no column 'label'; its columns are rank, id\."),
        ('[{"name": "1", "label": "a"}]', "has no column 'id'; its columns are name, label"),
        ('{"id": "1", "label": "a"}\n{"id": "2", "lab', r"line 2: is not JSON, or cut off"),
        ('[{"id": "1", "label": "a"}, {"id"', r"labels\.json: is not JSON, or cut off"),
        ('[{"id": "1", "label": "a"}, 3]', r"record 2: must be a record; got 3"),
        ('[{"id": "1", "label": ["a"]}]', r"record 1: field 'label' must hold a string or a number; got \[\"a\"\]"),
        ('{"id": {"0": "1"}, "label": {"0": "a"}}', "record 1: field 'id' must hold .*orient=\"records\""),
        ('[{"id": "1", "label": "a"}, {"id": "1", "label": "b"}]', "record 2: the file gives id '1' label 'b', but"),
        ('[{"id": "1\\u2028", "label": "a\\ud800"}]', "record 1: label .* must have no line breaks"),
        ('[{"data": {"pool_id": "1"}}]', "entry 1 has neither annotations nor an annotation_id"),
        (" [ ]", "labels.json: holds no record; there must be one for each label"),
    ],
)
def test_bad_records_are_refused_with_their_place(tmp_path, text, told):
    path = write_text(tmp_path / "labels.json", text)

    with pytest.raises(ValueError, match=told):
        read_labels(path, columns={}, classes=None)


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


def test_a_single_string_is_no_sequence_of_classes(tmp_path):
    with pytest.raises(TypeError, match="classes must be a sequence of names, .*; got the single string 'abc'"):
        begin(tmp_path, classes="abc")

    assert not (tmp_path / "campaign").exists()


def test_a_name_that_is_no_text_is_refused_before_it_is_recorded(tmp_path):
    campaign = begin(tmp_path)
    path = write_labels(tmp_path / os.fsdecode(b"new\xff.csv"), [("1", "a")])

    with pytest.raises(ValueError, match=r"labels must have a name that is text; got '.*new\\udcff\.csv'\. Rename it"):
        campaign.ingest(path)

    assert standing(campaign) == {}


def test_a_folder_whose_name_is_no_text_is_refused(tmp_path):
    folder = tmp_path / os.fsdecode(b"c\xff")

    with pytest.raises(ValueError, match="folder must have a name that is text"):
        Campaign.init(write_pool(tmp_path), folder)

    assert not folder.exists()


def test_where_an_export_says_two_things_is_told_by_task_and_annotation(tmp_path):
    tasks = [_task({"label": name}, pool_id="1") | {"id": number} for name, number in (("cat", 12), ("dog", 13))]
    tasks[1]["annotations"][0]["id"] = 34
    path = write_text(tmp_path / "export.json", json.dumps(tasks))

    told = (
        r"entry 2 \(task 13, annotation 34\): annotator '1' gives id '1' label 'dog', but label 'cat' at .*, entry 1 \("
    )
    with pytest.raises(ValueError, match=told):
        read_labels(path, columns={}, classes=None)


def test_columns_may_be_named_otherwise(tmp_path):
    campaign = begin(tmp_path)
    path = write_labels(tmp_path / "labels.csv", [("1", "a", "x")], ("key", "answer", "who"))

    campaign.ingest(path, columns={"id": "key", "label": "answer", "annotator": "who"})

    assert standing(campaign) == {("1", "x"): "a"}
    with pytest.raises(ValueError, match="columns must name some of id, label, annotator, action; got 'klass'"):
        campaign.ingest(path, columns={"klass": "answer"})


def test_a_labeled_pool_needs_no_campaign(tmp_path):
    np.save(tmp_path / "pool.npy", FEATURES)
    labels = write_labels(tmp_path / "labels.csv", [("3", "10"), ("5", "9"), ("6", "")])

    found = read_labeled_pool(tmp_path / "pool.npy", labels)

    assert found.classes == ("9", "10")
    expected = np.full(NUM_POINTS, -1)
    expected[[3, 5]] = [1, 0]
    np.testing.assert_array_equal(found.labels, expected)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([("3", "1"), ("4", "-1")], "got '1' alone. 1 lines have no label. Among them '-1' was taken for a missing"),
        ([("3", "NA")], "got none. 1 lines have no label. Among them 'NA' was taken for a missing label; if it is a"),
        ([("3", "a"), ("4", "")], r"got 'a' alone\. 1 lines have no label\.$"),
    ],
)
def test_a_labeled_pool_of_one_class_is_refused_by_its_name_with_the_words_left_out(tmp_path, rows, told):
    np.save(tmp_path / "pool.npy", FEATURES)
    labels = write_labels(tmp_path / "labels.csv", rows)

    with pytest.raises(ValueError, match=f"labels.csv: labels must be of at least two classes; {told}"):
        read_labeled_pool(tmp_path / "pool.npy", labels)


def test_a_labeled_pool_tells_what_was_taken_for_missing_and_is_float32(tmp_path):
    np.save(tmp_path / "pool.npy", FEATURES.astype(">f8"))
    labels = write_labels(tmp_path / "labels.csv", [("3", "0"), ("4", "-1"), ("5", "1"), ("6", "-1"), ("7", "")])

    found = read_labeled_pool(tmp_path / "pool.npy", labels)

    assert (found.missing, found.missing_words) == (3, ("-1",))
    assert (found.features.dtype, found.features.dtype.isnative) == (np.float32, True)
