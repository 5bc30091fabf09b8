"""What a campaign hands out: labels of the whole pool, votes, tasks and a map, whatever became of its folders."""

import json
import shutil
import xml.etree.ElementTree as ElementTree

import made_maps
import numpy as np
import pytest
from campaigns import BATCH, CLASSES, NUM_POINTS, begin, ids_of, label, read_csv, standing, write_labels, write_text

from ddal_jax.campaign import Campaign, NothingLeft, batches, folders, pictures
from ddal_jax.campaign.batches import COLUMNS, Batch
from ddal_jax.maps.colors import THEMES


@pytest.fixture
def campaign(tmp_path):
    return begin(tmp_path, classes=CLASSES)


def test_the_table_tells_given_from_propagated_and_unreached(campaign):
    label(campaign, [("1", "a"), ("2", "b")])
    label(campaign, [("3", "ignore")], "out.csv", ("id", "action"))

    found = campaign.export()

    rows = read_csv(found.path)
    assert [row["id"] for row in rows] == [str(row) for row in range(NUM_POINTS)]
    by_source = {name: [row for row in rows if row["source"] == name] for name in ("given", "propagated", "unreached")}
    assert [len(part) for part in by_source.values()] == [found.given, found.propagated, found.unreached]
    assert [(row["id"], row["label"]) for row in by_source["given"]] == [("1", "a"), ("2", "b")]
    assert [row["ignored"] for row in rows].count("1") == 1
    beyond_reach = []
    for row in rows:
        shares = [float(row["probability_a"]), float(row["probability_b"])]
        assert sum(shares) == pytest.approx(1, abs=1e-6)  # float32
        beyond_reach.append(abs(shares[0] - 0.5) - float(row["reach"]) / 2)
        if row["source"] == "unreached":
            assert (row["predicted"], shares, float(row["reach"])) == ("", [0.5, 0.5], 0.0)
        elif shares[0] != shares[1]:
            assert row["predicted"] == CLASSES[int(np.argmax(shares))]
    assert max(beyond_reach) > 0.1  # a class may be plain where labels are far


def test_a_lone_class_has_all_of_the_probability_and_reach_tells_how_sure_it_is(tmp_path):
    campaign = begin(tmp_path)
    label(campaign, [("1", "only")])

    rows = read_csv(campaign.export().path)

    assert [name for name in rows[0] if name.startswith("probability_")] == ["probability_only"]
    assert {row["probability_only"] for row in rows} == {"1.0"}
    assert len({row["reach"] for row in rows}) > 2
    told = made_maps.read(campaign.map())
    assert set(told["columns"]["confidence"].tolist()) <= {0.0, 1.0}


def test_votes_go_into_another_campaign_and_all_of_them_stand_there(campaign, tmp_path):
    header = ("id", "label", "annotator", "action")
    rows = [
        ("1", "a", "x", "set"),
        ("1", "b", "y", ""),
        ("2", "b", "", ""),
        ("4", "", "x", "ignore"),
        ("5", "a", "x", ""),
    ]
    label(campaign, rows, header=header)
    label(campaign, [("5", "", "x", "unset"), ("1", "a", "y", "")], "second.csv", header)

    found = campaign.export(format="votes")

    assert [(row["id"], row["label"], row["annotator"], row["action"]) for row in read_csv(found.path)] == [
        ("1", "a", "x", "set"), ("2", "b", "", "set"), ("4", "", "x", "ignore"), ("1", "a", "y", "set")
    ]  # fmt: skip
    assert (found.rows, found.votes, found.skips, found.annotators, found.overruled) == (4, 3, 1, 3, 0)
    assert (found.mistakable, found.classes) == ((), CLASSES)
    other = Campaign.init(tmp_path / "pool.npy", tmp_path / "other")
    other.ingest(found.path)
    assert standing(other) == standing(campaign)


def test_votes_on_a_point_taken_out_for_everybody_are_left_out_since_ingest_refuses_them(campaign, tmp_path):
    label(campaign, [("1", "a", "x"), ("2", "b", "x")], header=("id", "label", "annotator"))
    label(campaign, [("1", "ignore")], "out.csv", ("id", "action"))

    found = campaign.export(tmp_path / "votes.csv", format="votes")

    assert (found.rows, found.votes, found.skips, found.overruled) == (2, 1, 0, 1)
    other = Campaign.init(tmp_path / "pool.npy", tmp_path / "other", labels=found.path)
    assert standing(other) == {("1", ""): "ignore", ("2", "x"): "b"}


def test_labels_that_a_table_would_lose_are_told_with_the_classes_that_keep_them(tmp_path):
    classes = ("None", "NA", "-1", "1.0", "2", "cat")
    campaign = begin(tmp_path, classes=classes)
    label(campaign, [(str(row), name) for row, name in enumerate(classes)])

    found = campaign.export(format="votes")

    assert (set(found.mistakable), found.classes) == ({"None", "NA", "-1", "1.0"}, classes)
    lost = Campaign.init(tmp_path / "pool.npy", tmp_path / "lost", labels=found.path)
    kept = Campaign.init(tmp_path / "pool.npy", tmp_path / "kept", labels=found.path, classes=found.classes)
    assert {name for name, _ in standing(campaign).items() - standing(lost).items()} == {
        (str(classes.index(name)), "") for name in found.mistakable
    }
    assert standing(kept) == standing(campaign)


def test_a_campaign_without_votes_exports_a_table_without_rows(campaign):
    found = campaign.export(format="votes")

    assert found.path.read_text() == "id,label,annotator,action,time\n"


def _captions(path, ids, form):
    rows = [{"id": name, "caption": f"point {name}", "length": int(name)} for name in ids]
    if form == "csv":
        return write_labels(path.with_suffix(".csv"), [row.values() for row in rows], rows[0].keys())
    if form == "jsonl":
        return write_text(path.with_suffix(".jsonl"), "".join(json.dumps(row) + "\n" for row in rows))
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pyarrow.Table.from_pylist(rows), path.with_suffix(".parquet"))
    return path.with_suffix(".parquet")


def _configured(path):
    """Returns the element that shows something, its field, and the choices."""
    view = ElementTree.parse(path).getroot()
    return view[0].tag, view[0].get("value"), [choice.get("value") for choice in view[1]]


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_tasks_hold_what_a_labeller_is_to_see(campaign, tmp_path, form):
    asked = campaign.next(BATCH)
    captions = _captions(tmp_path / "captions", range(NUM_POINTS), form)

    found = campaign.export(tmp_path / "out" / "tasks.json", format="labelstudio", fields=captions)

    tasks = json.loads(found.path.read_text())
    assert [task["data"]["pool_id"] for task in tasks] == ids_of(asked)
    assert [task["data"]["caption"] for task in tasks] == [f"point {name}" for name in ids_of(asked)]
    assert (found.rows, found.round, found.shown) == (BATCH, 1, "Text:caption")
    assert found.labeling_config == tmp_path / "out" / "labeling_config.xml"
    assert _configured(found.labeling_config) == ("Text", "$caption", list(CLASSES))


def test_any_round_is_exported_and_any_field_shown(campaign, tmp_path):
    first, second = campaign.next(BATCH), campaign.next(BATCH)
    pictures = write_labels(
        tmp_path / "p.csv", [(name, "x", f"/{name}.png") for name in ids_of(first)], ("id", "note", "image")
    )

    last = campaign.export(tmp_path / "last.json", format="labelstudio")
    earlier = campaign.export(format="labelstudio", number=1, fields=pictures, show="Image:image")

    exported = [[task["data"]["pool_id"] for task in json.loads(each.path.read_text())] for each in (earlier, last)]
    assert exported == [ids_of(first), ids_of(second)]
    assert _configured(earlier.labeling_config)[:2] == ("Image", "$image")
    assert _configured(last.labeling_config)[:2] == ("Text", "$pool_id")


def test_a_configuration_that_was_edited_is_left_as_it_is(campaign):
    campaign.next(BATCH)
    first = campaign.export(format="labelstudio")
    again = campaign.export(format="labelstudio")
    first.labeling_config.write_text("<View>mine</View>")

    edited = campaign.export(format="labelstudio")

    assert [found.config_kept for found in (first, again, edited)] == [False, False, True]
    assert edited.labeling_config.read_text() == "<View>mine</View>"
    assert len(json.loads(edited.path.read_text())) == BATCH


def test_before_the_first_round_there_are_no_tasks_and_before_the_first_class_no_configuration(tmp_path):
    campaign = begin(tmp_path)
    with pytest.raises(NothingLeft, match="no round has been asked"):
        campaign.export(format="labelstudio")
    campaign.next(BATCH)

    found = campaign.export(format="labelstudio")

    assert (found.rows, found.labeling_config) == (BATCH, None)
    assert not (campaign.folder / "labeling_config.xml").exists()


@pytest.mark.parametrize(
    ("content", "options", "told"),
    [
        ("id,text\n", {}, r"f\.csv: must have a line for every id asked; 4 are missing, such as '\d+'"),
        ("name,text\n1,a\n", {}, r"f\.csv, line 2: has no column 'id'; its columns are name, text"),
        ("id,text\n{}{}", {}, r"f\.csv, line 6: id '\d+' stands in the file before"),
        ("id,score\n{}", {}, r"^fields must not be named as a column of the query or as the control; got \['score'\]"),
        ("id,text\n{}", {"show": "Text:image"}, r"^show must name a field that every task has; '\d+' has no 'image'"),
        ("id,text\n{}", {"show": "text"}, r"^show must be KIND:FIELD, with one of Text, .*; got 'text'"),
        ("id,text\n{}", {"show": "Hologram:text"}, r"^show must be KIND:FIELD.*; got 'Hologram:text'"),
        ("id,text\n{}", {"number": 2}, r"^number must be the number of a round \(1 to 1\); got 2"),
        ("id,text\n{}", {"format": "csv"}, "^fields must be left out with format 'csv'; it goes with 'labelstudio'"),
        ("id,text\n{}", {"path": "labeling_config.xml"}, "^path must not be called labeling_config.xml"),
        (
            "id,text\n{}",
            {"path": "./f.csv"},
            r"^path must not overwrite what the tasks' fields are read from; got 'f.csv'",
        ),
        ("id,text\n{}", {"fields": "f.txt"}, r"fields must be one of \.csv, \.jsonl, \.parquet; got 'f.txt'"),
        ("id,text\n{}", {"fields": "none.csv"}, "fields must be a file; got 'none.csv'"),
        ('{"id": "1"}\n[1]\n', {"fields": "f.jsonl"}, r"f\.jsonl, line 2: must be an object"),
        ('{"id": "1"\n', {"fields": "f.jsonl"}, r"f\.jsonl, line 1: is not JSON"),
        ("PAR1 cut off", {"fields": "f.parquet"}, r"f\.parquet cannot be read as parquet"),
    ],
)
def test_fields_that_do_not_fit_are_refused_and_nothing_is_written(
    campaign, tmp_path, monkeypatch, content, options, told
):
    monkeypatch.chdir(tmp_path)
    asked = campaign.next(BATCH)
    lines = "".join(f"{name},x\n" for name in ids_of(asked))
    for name in ("f.csv", "f.txt", "f.jsonl", "f.parquet"):
        write_text(tmp_path / name, content.replace("{}", lines))
    before = sorted(tmp_path.rglob("*")), (tmp_path / "f.csv").read_bytes()

    with pytest.raises(ValueError, match=told):
        campaign.export(**{"format": "labelstudio", "fields": "f.csv"} | options)

    assert (sorted(tmp_path.rglob("*")), (tmp_path / "f.csv").read_bytes()) == before


def test_the_map_shows_ids_classes_and_what_was_asked_and_loads_nothing(campaign):
    label(campaign, [("1", "a"), ("2", "b")])
    asked = campaign.next(BATCH)

    page = campaign.map(color="score")

    told = made_maps.read(page)
    assert told["ids"] == [str(row) for row in range(NUM_POINTS)]
    assert told["classes"] == list(CLASSES)
    assert (told["color"], told["colors"]) == ("score", json.loads(json.dumps(THEMES)))
    marks = [(told["ids"][mark["row"]], mark["rank"], mark["reason"]) for mark in told["queried"]]
    assert marks == [(query["id"], query["rank"], query["reason"]) for query in asked.queries]
    rows = {row["id"]: row for row in read_csv(campaign.export().path)}
    predicted = [(list(CLASSES) + [""])[code] for code in told["columns"]["predicted"]]
    assert predicted == [rows[name]["predicted"] for name in told["ids"]]
    text = page.read_text().replace("http://www.w3.org/2000/svg", "")
    assert not any(sign in text for sign in ("http:", "https:", "src=", "@import", "url("))


def test_edges_that_lead_one_way_have_no_diffusion_layout_and_the_message_tells_how_to_have_one(campaign, monkeypatch):
    asked = Batch([0], [dict.fromkeys(COLUMNS, "") | {"id": "0", "rank": 1, "reason": "cold start"}])
    monkeypatch.setattr(batches, "pick", lambda *given, seed: asked)
    monkeypatch.setattr(pictures, "write_map", lambda path, **given: path)
    campaign.next(1, symmetrize="none")

    with pytest.raises(ValueError, match=r"^layout must be 'pca' .* The next round asked with another symmetrize"):
        campaign.map(layout="diffusion")

    campaign.next(1)
    assert campaign.map(layout="diffusion") == campaign.folder / "map.html"


def test_before_labels_and_rounds_there_is_a_map_without_marks(tmp_path):
    told = made_maps.read(begin(tmp_path).map())

    assert (len(told["ids"]), told["classes"], told["queried"]) == (NUM_POINTS, [], [])
    assert set(told["columns"]["predicted"].tolist()) == {-1}


def _delete(folder):
    shutil.rmtree(folder)


def _empty(folder):
    (folder / folders.QUERIES_JSON).write_text("")


def _mix_up(folder):
    path = folder / folders.QUERIES_JSON
    path.write_text("".join(reversed(path.read_text().splitlines(keepends=True))))


def _spoil(folder):
    (folder / folders.QUERIES_JSON).write_text('{"id": ["')


@pytest.mark.parametrize("damage", [_delete, _empty, _mix_up, _spoil])
def test_a_round_is_told_from_the_record_where_its_folder_is_gone_or_was_changed(campaign, damage):
    label(campaign, [("1", "a"), ("2", "b")])
    asked = campaign.next(BATCH)
    before = made_maps.read(campaign.map())["queried"], campaign.export(format="labelstudio").path.read_text()
    label(campaign, [(str(row), "a") for row in range(10, 20)], "later.csv")

    damage(asked.folder)

    after = made_maps.read(campaign.map())["queried"], campaign.export(format="labelstudio").path.read_text()
    assert after == before
    assert campaign.replay(1).same


def test_what_was_asked_is_told_even_if_it_would_not_be_asked_now(campaign, monkeypatch):
    from ddal_jax.campaign import replays

    asked = campaign.next(BATCH)
    shutil.rmtree(asked.folder)
    pick = replays.batches.pick
    monkeypatch.setattr(replays.batches, "pick", lambda *given, seed: pick(*given, seed=seed + 1))

    tasks = json.loads(campaign.export(format="labelstudio").path.read_text())

    told = [{"id": task["data"]["pool_id"], **task["data"]} for task in tasks]
    for query, data in zip(asked.queries, told, strict=True):
        assert {name: data[name] for name in query} == query | {"score": None}
    assert campaign.map().is_file()
