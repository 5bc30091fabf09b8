"""Files for Label Studio and from it; the exports under `data/labelstudio` are a real server's."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from ddal_jax.adapters.labelstudio import (
    Annotation,
    is_export,
    labeling_config,
    placed_annotations,
    read_annotations,
    tasks,
)

KEPT = Path(__file__).parent / "data" / "labelstudio"
FOX = 'dog & "fox"'
SAID = {
    ("a1", "cat", "1", "set"), ("a1", FOX, "2", "set"), ("00017", FOX, "1", "set"), ('x,y"z', "ünï", "1", "set"),
    ("6", FOX, "1", "set"),
}  # fmt: skip
SKIPPED = {("é </Text> 4", "", "1", "ignore")}
QUERIES = [
    {"rank": 1, "id": "a", "score": -0.5, "reason": "boundary", "predicted": "cat", "runner_up": "dog"},
    {"rank": 2, "id": "b", "score": np.float32("nan"), "reason": "unexplored", "predicted": None, "runner_up": ""},
]


def _task(*annotations, **data):
    return {"id": 1, "data": {"pool_id": "p"} | data, "annotations": list(annotations)}


def _annotation(*classes, by=1, **fields):
    result = [{"from_name": "label", "to_name": "item", "type": "choices", "value": {"choices": list(classes)}}]
    return {"completed_by": by, "was_cancelled": False, "updated_at": "2026-01-01", "result": result} | fields


@pytest.fixture
def written(tmp_path):
    def write(content, name="export.json"):
        path = tmp_path / name
        if not isinstance(content, bytes):
            content = (content if isinstance(content, str) else json.dumps(content)).encode()
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize("kind", ["json", "json_min", "csv", "tsv"])
def test_every_export_of_a_real_server_is_read(kind):
    found = read_annotations(KEPT / f"export.{kind}")

    assert set(found) == (SAID | SKIPPED if kind == "json" else SAID)
    assert len(found) == len(set(found))
    assert all(type(vote) is Annotation for vote in found)


@pytest.mark.parametrize("kind", ["json", "json_min", "csv", "tsv"])
def test_an_export_is_told_from_a_table_of_labels(kind, written):
    assert is_export(KEPT / f"export.{kind}")
    assert not is_export(written("id,label,annotator\na,cat,me\n"))
    assert not is_export(written(""))


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(written):
    text = (KEPT / "export.csv").read_text(encoding="utf-8")

    path = written("\ufeff" + text.replace("\n", "\r\n"))

    assert is_export(path)
    assert set(read_annotations(path)) == SAID


def test_a_task_repeats_its_query_and_predicts_the_class_by_rank():
    first, second = tasks(QUERIES, model_version="round 1", fields={"a": {"text": "miaow"}, "b": {"text": "?"}})

    answer = {"from_name": "label", "to_name": "item", "type": "choices", "value": {"choices": ["cat"]}}
    assert first == {
        "data": {"pool_id": "a", "rank": 1, "score": -0.5, "reason": "boundary", "predicted": "cat",
                 "runner_up": "dog", "text": "miaow"},
        "predictions": [{"model_version": "round 1", "score": 0.5, "result": [answer]}],
    }  # fmt: skip
    assert second["predictions"] == [{"model_version": "round 1", "score": 1.0, "result": []}]
    assert second["data"]["score"] is None
    json.dumps([first, second], allow_nan=False)


def test_rows_read_as_text_make_the_tasks_that_rows_of_numbers_make():
    typed = [{"rank": 1, "id": "a", "predicted": "cat"}, {"rank": 2, "id": "b", "predicted": ""}]
    file = io.StringIO()
    writer = csv.DictWriter(file, typed[0])
    writer.writeheader()
    writer.writerows(typed)

    found = tasks(list(csv.DictReader(io.StringIO(file.getvalue()))), model_version="1")

    assert [task["predictions"] for task in found] == [task["predictions"] for task in tasks(typed, model_version="1")]


def test_no_queries_make_no_tasks():
    assert tasks([], model_version="1") == []


@pytest.mark.parametrize(
    ("queries", "fields", "message"),
    [
        (QUERIES + QUERIES[:1], None, r"each id once; got 'a' again"),
        ([{"id": "a"}], None, r"row 1 has id"),
        ([{"id": "a", "rank": 0}], None, r"rank must be at least 1; got 0"),
        (QUERIES, {"a": {}}, r"got none for 'b'"),
        (QUERIES, {"a": {"label": "cat", "score": 1}, "b": {}}, r"got \['label', 'score'\]"),
    ],
)
def test_a_batch_that_makes_no_sound_tasks_is_refused(queries, fields, message):
    with pytest.raises(ValueError, match=message):
        tasks(queries, model_version="1", fields=fields)


def test_names_of_classes_are_escaped_in_the_configuration():
    config = labeling_config(["<b>", FOX], kind="Image", field="image")

    assert '<Image name="item" value="$image" />' in config
    assert 'value="&lt;b&gt;"' in config
    assert 'value="dog &amp; &quot;fox&quot;"' in config


def test_a_configuration_without_classes_is_refused():
    with pytest.raises(ValueError, match="at least one class"):
        labeling_config([])


def test_a_persons_last_word_counts_wherever_it_stands_in_the_file(written):
    skip = _annotation(was_cancelled=True, updated_at="2026-01-02")
    path = written([_task(skip, _annotation("cat")), _task(_annotation("cat"), _annotation("dog", by=2))])

    assert read_annotations(path) == [("p", "", "1", "ignore"), ("p", "cat", "1", "set"), ("p", "dog", "2", "set")]


def test_what_nobody_in_particular_says_at_one_time_is_all_kept(written):
    path = written([_task(_annotation("cat", by=None), _annotation("dog", by=None))])

    assert read_annotations(path) == [("p", "cat", "", "set"), ("p", "dog", "", "set")]


def test_the_last_word_counts_of_nobody_in_particular_too(written):
    skip = _annotation(by=None, was_cancelled=True)
    label = _annotation("cat", by=None, updated_at="2026-01-02")
    row = {"annotation_id": 1, "annotator": None, "id": 1, "pool_id": "p", "label": "dog", "updated_at": "2026-01-01"}

    assert read_annotations(written([_task(skip, label)])) == [("p", "cat", "", "set")]
    assert read_annotations(written([_task(label, skip)])) == [("p", "cat", "", "set")]
    later = row | {"annotation_id": 2, "label": "cat", "updated_at": "2026-01-02"}
    assert read_annotations(written([row, later])) == [("p", "cat", "", "set")]


def test_rows_without_a_task_are_of_tasks_of_their_own(written):
    rows = [{"annotation_id": number, "annotator": 1, "pool_id": str(number), "label": "cat"} for number in (1, 2)]

    assert [vote.id for vote in read_annotations(written(rows))] == ["1", "2"]


def test_places_have_the_numbers_of_task_and_annotation(written):
    tasks = [_task(_annotation("cat", id=34), _annotation("dog", id=35, by=2)), _task(_annotation("cat"))]

    assert [said.place for said in placed_annotations(written(tasks))] == [
        "entry 1, annotation 1 (task 1, annotation 34)", "entry 1, annotation 2 (task 1, annotation 35)",
        "entry 2 (task 1)",
    ]  # fmt: skip
    assert {said.place.split(" (")[0] for said in placed_annotations(KEPT / "export.csv")} >= {"line 2"}


def test_a_person_has_one_name_whether_told_by_number_or_in_full(written):
    path = written([_task(_annotation("cat", by={"id": 7, "email": "x@example.org"}))])

    assert read_annotations(path) == [("p", "cat", "7", "set")]


def test_empty_answers_and_unlabelled_tasks_say_nothing(written):
    rows = [
        {"id": 1, "pool_id": "p", "annotation_id": None},
        {"id": 2, "pool_id": "q", "annotation_id": 3, "label": ""},
    ]

    assert read_annotations(written([_task(), _task(_annotation(result=[]))])) == []
    assert read_annotations(written(rows)) == []
    assert read_annotations(written(rows[:1])) == []
    assert read_annotations(written([])) == []


def test_another_control_and_another_id_can_be_named(written):
    kind = _annotation("cat", result=_annotation("cat")["result"] + [
        {"from_name": "quality", "to_name": "item", "type": "choices", "value": {"choices": ["good"]}}
    ])  # fmt: skip
    path = written([_task(kind, uid=5)])

    assert read_annotations(path) == [("p", "cat", "1", "set")]
    assert read_annotations(path, control="quality", id_field="uid") == [("5", "good", "1", "set")]


HEADER = "annotation_id,annotator,created_at,id,label,lead_time,pool_id,updated_at\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"export is empty\. Export the project as JSON"),
        (b"\xff\xfe[]", r"byte 0 is not UTF-8"),
        ('[{"id": 1', r"not JSON, or cut off"),
        ("[" * 100_000, r"not JSON, or cut off"),
        ("id,label\na,cat\n", r"line 1: a table exported by Label Studio has columns annotation_id"),
        ([{"id": 1}], r"entry 1 has neither annotations nor an annotation_id"),
        ([_task(), 3], r"entry 2 has neither"),
        ([_task(), {"annotation_id": 1}], r"entry 2 is of JSON-MIN"),
        ([_task(_annotation("cat"), {"result": None})], r"entry 1, annotation 2 \(task 1\) has no list of results"),
        ([_task(_annotation("cat"), pool_id=None)], r"entry 1 \(task 1\): the field 'pool_id' .* got None\. Label"),
        ([_task(_annotation("cat", "dog"))], r"entry 1 \(task 1\): point 'p' has 2 classes, 'cat', 'dog'\. Choose one"),
        ([_task(_annotation(3))], r"entry 1 \(task 1\): choices must be a list of class names; got \[3\]"),
        ([{"annotation_id": 1, "pool_id": "p", "kind": "cat"}], r"no answers of the control 'label'; .* pool_id, kind"),
        ([{"annotation_id": 1, "pool_id": "p", "label": {"choices": ["a", "b"]}}], r"entry 1 \(annotation 1\): point"),
        (HEADER + '1,1,x,1,"{""choices"":[""a"",""b""]}",,p,x\n', r"line 2 \(task 1, annotation 1\): point 'p' has 2"),
        (HEADER + "1,1,x,1,cat\n", r"line 2 has not as many cells"),
        (HEADER + '1,1,x,1,"cat\n', r"line 2: unexpected end of data\. Export the project as JSON"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_by_name_entry_and_remedy(content, message, written):
    path = written(content, "export")

    with pytest.raises(ValueError, match=message) as refusal:
        read_annotations(path)

    assert str(path) in str(refusal.value)


def test_several_controls_are_not_guessed_from(written):
    other = _annotation("cat")
    other["result"][0]["from_name"] = "kind"
    third = _annotation("cat")
    third["result"][0]["from_name"] = "state"

    with pytest.raises(ValueError, match=r"control 'label'; it has those of 'kind', 'state'\. Name the one"):
        read_annotations(written([_task(other), _task(third)]))
    assert read_annotations(written([_task(other)])) == [("p", "cat", "1", "set")]
