"""The words of a campaign: what they print, and how they end."""

import json
from pathlib import Path

import made_maps
import pytest
from campaigns import BATCH, NUM_POINTS, answers, read_csv, truth, write_labels, write_pool
from processes import run_python

from ddal_jax import cli
from ddal_jax.campaign.batches import COLUMNS
from ddal_jax.campaign.replays import Replay
from ddal_jax.campaign.rounds import Round
from ddal_jax.pool_graph import GraphSettings
from ddal_jax.query import QuerySettings

ASKED = Round(1, Path("001"), [dict.fromkeys(COLUMNS, 1)])


@pytest.fixture(autouse=True)
def _leave_jax_as_it_is(monkeypatch):
    monkeypatch.setattr("ddal_jax.cli.session.prepare_jax", lambda: None)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    write_pool(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def ddal(folder, capsys):
    """Runs a command there and returns exit code, what it printed, and what it complained."""

    def run(*words):
        code = cli.main([str(word) for word in words])
        printed = capsys.readouterr()
        return code, json.loads(printed.out) if "--json" in words and not code else printed.out, printed.err

    return run


def test_the_whole_way_in_text(ddal, folder):
    begun = "campaign: 40 points with 3 features, ids are row numbers, 0 labels.\nNext: ddal next -n 50 -c campaign\n"
    assert ddal("init", "pool.npy", "--classes", "a,b") == (0, begun, "")

    code, asked, _ = ddal("next", "-n", BATCH)
    lines = asked.splitlines()
    assert (code, lines[0], lines[1].split()) == (0, "campaign/rounds/001/queries.csv", list(COLUMNS))
    ids = [row["id"] for row in read_csv(folder / lines[0])]
    assert [line.split()[1] for line in lines[2:]] == ids

    write_labels(folder / "labels.csv", [*((name, truth(name)) for name in ids), ("0", "")])
    assert ddal("ingest", "labels.csv")[:2] == (
        0,
        "labels.csv: 4 new, 0 changed, 0 as before, 1 lines without a label.\n",
    )
    again = "labels.csv was taken in before, as ingest 1; nothing changed, 1 lines without a label.\n"
    assert ddal("ingest", "labels.csv")[:2] == (0, again)
    assert "labeled      4 (a: " in ddal("status")[1]
    assert ddal("replay", "001")[:2] == (0, "Round 1: the same 4 points in the same order.\n")
    assert ddal("export")[1].startswith("campaign/export.csv\n4 given, ")
    assert ddal("undo")[1].startswith("Took back ingest 1 (labels.csv, 20")
    assert ddal("undo") == (1, "", "ddal undo: no ingest is left to take back.\n")


def test_all_that_print_print_json(ddal, folder):
    ddal("init", "pool.npy", "-c", "c", "--classes", "a,b", "--json")
    asked = ddal("next", "-n", BATCH, "-c", "c", "--json")[1]
    write_labels(folder / "labels.csv", answers(asked["queries"]))
    ingested = ddal("ingest", "labels.csv", "-c", "c", "--json")[1]
    status = ddal("status", "-c", "c", "--json")[1]
    replayed = ddal("replay", "1", "-c", "c", "--json")[1]
    exported = ddal("export", "-c", "c", "--format", "labelstudio", "-o", "t.json", "--json")[1]
    undone = ddal("undo", "-c", "c", "--json")[1]

    assert (asked["round"], asked["path"], len(asked["queries"])) == (1, "c/rounds/001/queries.csv", BATCH)
    assert list(asked["queries"][0]) == list(COLUMNS)
    assert (ingested["new"], ingested["ingest"]) == (BATCH, 1)
    counts = {name: status[name] for name in ("pool", "labeled", "ignored", "classes", "rounds")}
    assert counts == {"pool": NUM_POINTS, "labeled": BATCH, "ignored": 0, "classes": ["a", "b"], "rounds": 1}
    assert 0 <= status["unexplored_share"] < 1
    assert (replayed["same"], replayed["asked"]) == (True, [query["id"] for query in asked["queries"]])
    assert exported == {
        "path": "t.json", "rows": BATCH, "round": 1, "labeling_config": "labeling_config.xml", "config_kept": False,
        "shown": "Text:pool_id",
    }  # fmt: skip
    assert (undone["ingest"], undone["votes"]) == (1, BATCH)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["init", "none.npy", "-c", "new"], "POOL must be a file; got 'none.npy'"),
        (["init", "pool.npy"], "a folder that is new or empty; 'campaign' holds 'campaign.sqlite' already"),
        (["init", "pool.npy", "-c", "pool.npy/x"], "-c must name a folder; got 'pool.npy/x', and "),
        (["init", "pool.npy", "-c", "new", "--seed", "-1"], "seed must be in [0, 4294967295]; got -1"),
        (["init", "pool.npy", "-c", "new", "--classes", "a,,b"], "classes must be names that differ"),
        (["init", "pool.npy", "-c", "new", "--labels", "bad.csv"], "bad.csv, line 2: id '99' is not in the pool"),
        (
            ["init", "pool.npy", "-c", "new", "--ids", "name"],
            "--ids must be a column or a file; pool.npy has no columns",
        ),
        (["next", "-n", "0"], "ddal next: -n must be at least 1; got 0"),
        (["next", "-n", "1", "--num-neighbors", "40"], "--num-neighbors must be in [1, 39] for 40 points; got 40"),
        (["next", "-n", "1", "--metric", "angle"], "--metric must be one of 'euclidean', 'cosine'; got 'angle'"),
        (["next", "-n", "1", "--criterion", "mass"], "criterion must be one of"),
        (["next", "-n", "1", "-c", "nowhere"], "-c must name a campaign's folder, as `ddal init` makes it; 'nowhere'"),
        (["ingest", "none.csv"], "LABELS must be a file; got 'none.csv'"),
        (["ingest", "bad.csv"], "bad.csv, line 2: id '99' is not in the pool"),
        (["ingest", "bad.csv", "--map", "label"], "--map must be like id=NAME,label=NAME; got 'label'"),
        (["ingest", "bad.csv", "--map", "label=klass"], "bad.csv, line 1: has no column 'klass'"),
        (["status", "-c", "pool.npy/x"], "-c must name a campaign's folder"),
        (["replay", "001"], "NNN must be the number of a round (none yet); got 1"),
        (["replay", "../../001"], "NNN must be the number of a round, such as 001; got '../../001'"),
        (["export", "--format", "xlsx"], "--format must be one of 'csv', 'votes', 'labelstudio'; got 'xlsx'"),
        (["export", "--round", "last"], "--round must be the number of a round, such as 001; got 'last'"),
        (["export", "--round", "0"], "--round must be left out with format 'csv'; it goes with 'labelstudio'"),
        (["export", "--round", "0", "--format", "labelstudio"], "--round must be at least 1; got 0"),
        (["export", "--show", "Text:id"], "--show must be left out with format 'csv'; it goes with 'labelstudio'"),
        (["export", "-o", "."], "-o must name a file; '.' is a folder"),
        (["next", "-n", "1", "--ties", "nearest"], "--ties must be one of 'random', 'coverage'"),
        (["map", "--color", "mood"], "--color must be one of 'predicted', 'reach', 'score'; got 'mood'"),
        (["map", "--layout", "globe"], "--layout must be one of 'pca', 'diffusion'; got 'globe'"),
        (["status", "-c", "pool.npy"], "-c must name a campaign's folder"),
    ],
)
def test_bad_input_is_refused_with_exit_code_2_and_changes_nothing(ddal, folder, words, told):
    ddal("init", "pool.npy")
    write_labels(folder / "bad.csv", [("99", "a")])
    record = folder / "campaign" / "campaign.sqlite"
    before = record.read_bytes(), sorted(folder.rglob("*"))

    code, printed, complaint = ddal(*words)

    assert (code, printed) == (2, "")
    assert told in complaint
    assert (record.read_bytes(), sorted(folder.rglob("*"))) == before


def test_the_map_is_one_page_with_the_points_asked_marked(ddal, folder):
    ddal("init", "pool.npy", "--classes", "a,b")
    asked = ddal("next", "-n", BATCH, "--json")[1]["queries"]

    code, printed, _ = ddal("map", "--color", "reach", "-o", "m.html", "--json")

    told = made_maps.read(folder / "m.html")
    assert (code, printed) == (0, {"path": "m.html"})
    assert [(told["ids"][mark["row"]], mark["reason"]) for mark in told["queried"]] == [
        (query["id"], query["reason"]) for query in asked
    ]
    assert (told["color"], told["classes"], len(told["ids"])) == ("reach", ["a", "b"], NUM_POINTS)
    assert {tag for tag, _, _ in made_maps.elements((folder / "m.html").read_text())} == {"style", "script"}


def test_every_format_of_export_tells_what_it_wrote(ddal, folder):
    ddal("init", "pool.npy", "--classes", "a,b")
    asked = ddal("next", "-n", BATCH, "--json")[1]["queries"]
    ddal("next", "-n", BATCH)
    write_labels(folder / "labels.csv", answers(asked))
    write_labels(folder / "texts.csv", [(row, f"text {row}") for row in range(NUM_POINTS)], ("id", "text"))
    ddal("ingest", "labels.csv")

    votes = ddal("export", "--format", "votes")[1]
    tasks = ddal("export", "--format", "labelstudio", "--round", "001", "--fields", "texts.csv")[1]
    table = ddal("export", "--json")[1]

    assert votes == "campaign/votes.csv\n4 votes, of 1 annotator\n"
    assert tasks == ("campaign/tasks.json\n4 tasks of round 1\ncampaign/labeling_config.xml: shows Text:text\n")
    data = [task["data"] for task in json.loads((folder / "campaign" / "tasks.json").read_text())]
    assert [(one["pool_id"], one["text"]) for one in data] == [(q["id"], f"text {q['id']}") for q in asked]
    assert table["given"] + table["propagated"] + table["unreached"] == table["rows"] == NUM_POINTS


def test_votes_skips_and_what_a_table_would_lose_are_told_apart(ddal, folder):
    ddal("init", "pool.npy", "--classes", "NA,it is")
    header = ("id", "label", "annotator", "action")
    rows = [("1", "NA", "x", ""), ("2", "", "y", "skip"), ("3", "", "", "ignore"), ("4", "", "y", "ignore")]
    write_labels(folder / "labels.csv", [row for row in rows if row[3] != "skip"], header)
    ddal("ingest", "labels.csv")

    _, told, _ = ddal("export", "--format", "votes")

    assert told == (
        "campaign/votes.csv\n1 vote, 1 skip, 1 point taken out for everybody, of 3 annotators\n"
        "A reader of tables takes NA for missing or for another number. Begin the campaign that is to take them in "
        "with ddal init --classes 'NA,it is'\n"
    )


def test_a_configuration_that_was_edited_is_left_and_told(ddal, folder):
    ddal("init", "pool.npy", "--classes", "a,b")
    ddal("next", "-n", BATCH)
    (folder / "campaign" / "labeling_config.xml").write_text("<View/>")

    _, told, _ = ddal("export", "--format", "labelstudio")

    assert "campaign/labeling_config.xml was there and differs; it is left as it is. " in told
    assert (folder / "campaign" / "labeling_config.xml").read_text() == "<View/>"


def test_what_status_counts_cannot_be_taken_for_ids_or_classes(ddal, folder):
    ddal("init", "pool.npy")
    header = ("id", "label", "annotator")
    write_labels(folder / "labels.csv", [("6", "0", "x"), ("6", "1", "y"), ("7", "1", "x"), ("8", "0", "x")], header)
    ddal("ingest", "labels.csv")

    lines = dict(line.split(maxsplit=1) for line in ddal("status")[1].splitlines() if line)

    assert lines["labeled"] == "2 (0: 1, 1: 1)"
    assert lines["tied"] == "1 (ids: 6)"


def test_an_abandoned_batch_is_asked_again_by_the_word_that_the_message_names(ddal):
    ddal("init", "pool.npy", "--classes", "a,b")
    ddal("next", "-n", NUM_POINTS)
    code, _, complaint = ddal("next", "-n", BATCH)

    assert (code, "`ddal next --ask-again` asks for those again" in complaint) == (1, True)
    assert len(ddal("next", "-n", BATCH, "--ask-again", "--json")[1]["queries"]) == BATCH


def test_what_an_ingest_took_for_missing_is_told(ddal, folder):
    ddal("init", "pool.npy")
    write_labels(folder / "labels.csv", [(1, "NA"), (2, "None"), (3, ""), (4, "a"), (5, "NA")])

    _, text, _ = ddal("ingest", "labels.csv")
    data = ddal("ingest", "labels.csv", "--json")[1]

    assert text == (
        "labels.csv: 1 new, 0 changed, 0 as before, 4 lines without a label (NA, None). If such a word is a class, "
        "begin with all classes named: ddal init --classes.\n"
    )
    assert (data["missing"], data["missing_words"], data["repeated"]) == (4, ["NA", "None"], 1)


def test_a_file_that_says_again_what_was_changed_since_is_told(ddal, folder):
    ddal("init", "pool.npy")
    for name, label in (("first", "a"), ("second", "b")):
        write_labels(folder / f"{name}.csv", [(row, label) for row in range(7)])
        ddal("ingest", f"{name}.csv")

    text = ddal("ingest", "first.csv")[1]

    assert text == (
        "first.csv: 0 new, 7 changed (0, 1, 2, 3, 4, ...), 0 as before.\n"
        "The same file was taken in before, as ingest 1, and some of its votes had been changed since; they stand "
        "again as it says. If it was the wrong file: ddal undo.\n"
    )
    assert ddal("undo", "--json")[1]["ingest"] == 3


def test_an_export_with_other_names_is_taken_in_by_map(ddal, folder):
    ddal("init", "pool.npy")
    answer = {"from_name": "kind", "to_name": "item", "type": "choices", "value": {"choices": ["None"]}}
    tasks = [{"data": {"uid": "3"}, "annotations": [{"completed_by": 1, "result": [answer]}]}]
    (folder / "export.json").write_text(json.dumps(tasks))

    assert ddal("ingest", "export.json", "--map", "id=uid,label=kind", "--json")[1]["new"] == 1
    code, _, complaint = ddal("ingest", "export.json", "--map", "id=uid,label=sort")

    assert code == 2
    assert "no answers of the control 'sort'; it has those of 'kind'" in complaint


def test_what_is_left_to_ask_is_told(ddal, folder):
    ddal("init", "pool.npy", "--classes", "a,b")
    write_labels(folder / "labels.csv", [(row, "a") for row in range(NUM_POINTS - BATCH)])
    ddal("ingest", "labels.csv")

    assert ddal("next", "-n", 50)[1].endswith("Only 4 points were left to ask.\n")
    code, _, complaint = ddal("next", "-n", 50)
    assert code == 1
    assert "nothing is left to ask: of 40 points 36 are labelled, 0 ignored, and for 4 labels are waited" in complaint


def test_a_round_whose_file_was_edited_is_still_the_same(ddal, folder):
    ddal("init", "pool.npy", "--classes", "a,b")
    ddal("next", "-n", BATCH)
    (folder / "campaign" / "rounds" / "001" / "queries.csv").write_text("rank,id\n")

    code, printed, _ = ddal("replay", "1")

    assert code == 0
    assert printed.splitlines() == [
        "Round 1: the same 4 points in the same order.",
        "Its queries.csv was edited or removed since; what was asked stands in the record.",
    ]


def test_a_round_that_asks_other_points_now_ends_with_1(ddal, monkeypatch):
    ddal("init", "pool.npy", "--classes", "a,b")
    ddal("next", "-n", BATCH)
    ids = [str(row) for row in range(BATCH)]
    answer = Replay(1, False, ids, ids[:2] + ids[:1:-1], True, {"jax": ["0.7.2", "0.10.2"]})
    monkeypatch.setattr("ddal_jax.campaign.replays.replay", lambda *given: answer)

    code, printed, _ = ddal("replay", "1")

    assert (code, printed) == (1, "Round 1: 2 of 4 places differ from what was asked.\nNot as then: jax.\n")


def test_options_reach_the_round(ddal, monkeypatch):
    given = []
    monkeypatch.setattr("ddal_jax.campaign.rounds.ask", lambda *parts: given.append(parts[2]) or ASKED)
    ddal("init", "pool.npy")
    words = "--metric cosine --num-neighbors 7 --num-steps 3 --symmetrize mean --criterion margin --diversity coverage "
    words += "--ties coverage --num-rediffusions 2 --num-refine-steps 20 --soft-labels --ask-again"

    ddal("next", "-n", BATCH, *words.split())

    settings = given[0]
    assert settings.graph == GraphSettings(metric="cosine", num_neighbors=7, num_steps=3, symmetrize="mean")
    assert settings.query == QuerySettings(
        criterion="margin", diversity="coverage", ties="coverage", num_rediffusions=2, num_refine_steps=20
    )
    assert (settings.query_size, settings.soft_labels, settings.ask_again) == (BATCH, True, True)


def test_a_full_disk_ends_with_1_and_says_that_nothing_was_lost(ddal, monkeypatch):
    ddal("init", "pool.npy", "--classes", "a,b")

    def full(*given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ddal_jax.campaign.folders.write_round", full)
    code, _, complaint = ddal("next", "-n", BATCH)

    assert code == 1
    assert "the disk is full" in complaint
    assert "Nothing was lost or half written" in complaint


def test_ingest_undo_and_help_do_not_import_jax(folder):
    write_labels(folder / "labels.csv", [("1", "a")])
    script = """
import sys
from ddal_jax import cli
words = [["ingest", "labels.csv"], ["undo"], ["next", "--help"]]
for each in words:
    try:
        print(cli.main([*each, "-c", "campaign"] if "--help" not in each else each))
    except SystemExit as stop:
        print(stop.code)
print([name for name in ("jax", "pandas", "scipy", "sklearn", "rich") if name in sys.modules])
"""
    cli.main(["init", "pool.npy"])

    printed = run_python(f"import os; os.chdir({str(folder)!r})\n" + script)

    assert printed.endswith("0\n[]\n")
