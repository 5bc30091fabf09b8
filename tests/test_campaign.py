"""A campaign asks what `suggest` asks, forgets nothing, and can tell every round again."""

import dataclasses
import json

import jax.numpy as jnp
import numpy as np
import oracles
import pytest
from campaigns import (
    BATCH,
    CLASSES,
    FEATURES,
    NUM_POINTS,
    answers,
    begin,
    label,
    read_csv,
    write_pool,
)

from ddal_jax import DirectedGraph, KNNGraph, suggest
from ddal_jax.campaign import Campaign, NothingLeft, folders, replays, rounds, store
from ddal_jax.campaign.batches import COLUMNS
from ddal_jax.campaign.settings import settings_from, settings_of
from ddal_jax.pool_graph import GraphSettings


@pytest.fixture
def campaign(tmp_path):
    return begin(tmp_path, classes=CLASSES)


def test_a_round_asks_what_suggest_asks(campaign):
    label(campaign, [("3", "a"), ("8", "b"), ("21", "a")])
    labels = np.full(NUM_POINTS, -1)
    labels[[3, 8, 21]] = [0, 1, 0]

    asked = campaign.next(BATCH)

    config = json.loads((asked.folder / "config.json").read_text())
    expected = suggest(FEATURES, labels, query_size=BATCH, seed=config["seed"])
    assert [query["id"] for query in asked.queries] == [str(row) for row in expected.indices]
    np.testing.assert_array_equal(np.float32([query["score"] for query in asked.queries]), expected.scores)
    assert [query["hops"] for query in asked.queries] == expected.hops.tolist()
    assert [query["nearest_labeled_id"] or "-1" for query in asked.queries] == [
        str(r) for r in expected.nearest_labeled
    ]


def test_the_three_files_of_a_round_agree(campaign):
    asked = campaign.next(BATCH)

    rows = read_csv(asked.folder / "queries.csv")
    lines = [json.loads(line) for line in (asked.folder / "queries.jsonl").read_text().splitlines()]
    config = json.loads((asked.folder / "config.json").read_text())
    assert list(rows[0]) == list(COLUMNS)
    assert lines == asked.queries
    assert [{k: "" if v is None else str(v) for k, v in line.items()} for line in lines] == rows
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4"]
    assert config["settings"]["graph"] == dataclasses.asdict(GraphSettings(num_neighbors=10, num_steps=6))
    assert config["pool"]["ids_from"] == "row numbers"
    assert "jaxlib" in config["environment"]["packages"]


def test_points_waited_for_are_not_asked_again(campaign):
    first, second = campaign.next(BATCH), campaign.next(BATCH)

    ids = [query["id"] for asked in (first, second) for query in asked.queries]
    assert len(set(ids)) == 2 * BATCH
    assert json.loads((second.folder / "config.json").read_text())["outstanding"] == sorted(ids[:BATCH], key=int)
    assert [asked.folder.name for asked in (first, second)] == ["001", "002"]


def test_every_round_replays_to_the_same_batch_whatever_came_after(campaign):
    for turn in range(3):
        asked = campaign.next(BATCH)
        if turn:
            label(campaign, answers(asked.queries), f"{turn}.csv")
    campaign.undo()

    replays = [campaign.replay(number) for number in (1, 2, 3)]

    assert all(replay.same for replay in replays)
    assert replays[2].replayed == [query["id"] for query in asked.queries]


def test_labels_typed_into_a_rounds_own_file_leave_the_round_the_same(campaign):
    asked = campaign.next(BATCH)
    path = asked.folder / "queries.csv"
    answered = [["id", "label"], *answers(asked.queries)]
    typed = [f"{line},{label}" for line, (_, label) in zip(path.read_text().splitlines(), answered, strict=True)]
    path.write_text("\n".join(typed))

    taken, replay = campaign.ingest(path), campaign.replay(1)

    assert taken.new == BATCH
    assert (replay.same, replay.file_unchanged) == (True, False)
    assert replay.asked == replay.replayed == [query["id"] for query in asked.queries]


def test_a_round_that_would_ask_other_points_now_is_not_the_same(campaign, monkeypatch):
    asked = campaign.next(BATCH)
    pick = replays.batches.pick
    monkeypatch.setattr(replays.batches, "pick", lambda *given, seed: pick(*given, seed=seed + 1))

    replay = campaign.replay(1)

    assert (replay.same, replay.file_unchanged) == (False, True)
    assert replay.asked == [query["id"] for query in asked.queries] != replay.replayed


PAIRS = np.repeat(100 * np.random.default_rng(0).normal(size=(NUM_POINTS // 2, 3)), 2, axis=0)
PAIRS = (PAIRS + np.random.default_rng(1).normal(size=PAIRS.shape)).astype(np.float32)


@pytest.mark.parametrize(
    "options",
    [{}, *(pytest.param({"diversity": rule}, marks=pytest.mark.slow) for rule in ("local_minima", "coverage"))],
)
def test_partners_of_points_waited_for_are_not_asked_while_others_are_left(campaign, tmp_path, options):
    write_pool(tmp_path, PAIRS)
    campaign = Campaign.init(tmp_path / "pool.npy", tmp_path / "pairs", classes=CLASSES)

    def ask():
        asked = campaign.next(BATCH, num_neighbors=1, num_steps=2, **options)
        return [int(query["id"]) // 2 for query in asked.queries]

    pairs = [pair for _ in range(NUM_POINTS // 2 // BATCH) for pair in ask()]

    assert sorted(pairs) == list(range(NUM_POINTS // 2))
    assert len(set(ask())) == BATCH
    assert all(campaign.replay(number).same for number in (1, 2, 6))


def test_a_round_recorded_before_waiting_counted_replays_as_it_was(campaign, monkeypatch):
    settings = settings_from(BATCH, NUM_POINTS, num_neighbors=1, num_steps=2)
    with store.opened(campaign.folder) as connection:
        for _ in range(4):
            rounds.ask(connection, campaign.folder, dataclasses.replace(settings, avoid_outstanding=False))
    recorded = store.rounds

    def as_before(connection):
        found = recorded(connection)
        assert all(record.config["settings"].pop("avoid_outstanding") is False for record in found)
        return found

    monkeypatch.setattr(store, "rounds", as_before)

    assert campaign.replay(4).same
    monkeypatch.setattr(
        replays, "settings_of", lambda config: dataclasses.replace(settings_of(config), avoid_outstanding=True)
    )
    assert not campaign.replay(4).same


def test_a_batch_shrinks_to_what_is_left_and_then_nothing_is(campaign):
    label(campaign, [(str(row), "a") for row in range(NUM_POINTS - BATCH)])

    asked = campaign.next(BATCH + 1)

    assert sorted(int(query["id"]) for query in asked.queries) == list(range(NUM_POINTS - BATCH, NUM_POINTS))
    with pytest.raises(NothingLeft, match=r"of 40 points 36 are labelled, 0 ignored, and for 4 labels are waited for"):
        campaign.next(1)


def test_an_abandoned_batch_may_be_asked_again_as_if_it_had_never_been(campaign):
    label(campaign, [("3", "a"), ("8", "b"), ("21", "a")])
    labels = np.full(NUM_POINTS, -1)
    labels[[3, 8, 21]] = [0, 1, 0]
    abandoned = campaign.next(NUM_POINTS)
    with pytest.raises(NothingLeft, match=r"waited for\. `ddal next --ask-again` asks for those again"):
        campaign.next(BATCH)

    asked = campaign.next(BATCH, ask_again=True)

    config = json.loads((asked.folder / "config.json").read_text())
    expected = suggest(FEATURES, labels, query_size=BATCH, seed=config["seed"])
    assert [query["id"] for query in asked.queries] == [str(row) for row in expected.indices]
    assert config["settings"]["ask_again"] is True
    assert len(config["outstanding"]) == len(abandoned.queries) == NUM_POINTS - 3
    assert all(campaign.replay(number).same for number in (1, 2))
    with pytest.raises(NothingLeft):
        campaign.next(BATCH)


def test_where_nothing_is_waited_for_nothing_can_be_asked_again(campaign):
    label(campaign, [(str(row), "a") for row in range(NUM_POINTS)])

    with pytest.raises(NothingLeft, match=r"for 0 labels are waited for\.$"):
        campaign.next(1, ask_again=True)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda campaign: Campaign("zzz"), "^folder must name a campaign's folder"),
        (lambda campaign: Campaign.init("none.npy"), "^pool must be a file"),
        (lambda campaign: campaign.ingest("none.csv"), "^labels must be a file"),
        (lambda campaign: campaign.ingest(__file__, columns={"klass": "a"}), "^columns must name some of id, label"),
        (lambda campaign: campaign.next(0), "^num must be at least 1; got 0"),
        (lambda campaign: campaign.next(1, num_neighbors=40), "^num_neighbors must be in"),
        (lambda campaign: campaign.replay(0), "^number must be at least 1; got 0"),
        (lambda campaign: campaign.replay(1), r"^number must be the number of a round \(none yet\); got 1"),
        (lambda campaign: campaign.export(format="labelstudio", number=0), "^number must be at least 1; got 0"),
        (lambda campaign: campaign.export(show="Text:a"), "^show must be left out with format 'csv'"),
        (lambda campaign: campaign.export(campaign.folder), "^path must name a file"),
        (lambda campaign: campaign.map(campaign.folder), "^path must name a file"),
    ],
)
def test_a_refusal_names_the_argument_that_the_caller_wrote(campaign, call, told):
    with pytest.raises(ValueError, match=told):
        call(campaign)


def test_one_class_is_a_start_and_none_is_too(tmp_path):
    campaign = begin(tmp_path)
    nothing = campaign.next(BATCH)
    label(campaign, [("1", "only")])

    asked = campaign.next(BATCH)

    assert {query["reason"] for query in nothing.queries} == {"cold start"}
    assert {(query["predicted"] or "only", query["runner_up"]) for query in asked.queries} == {("only", None)}


def test_ids_of_a_file_are_the_key_everywhere(tmp_path):
    names = [f"image {row}" for row in range(NUM_POINTS)]
    (tmp_path / "names.txt").write_text("\n".join(names))
    campaign = begin(tmp_path, ids=str(tmp_path / "names.txt"), classes=CLASSES)
    (tmp_path / "names.txt").unlink()
    label(campaign, [("image 3", "a"), ("image 8", "b")])

    asked = campaign.next(BATCH)

    found = {query["id"] for query in asked.queries} | {row["id"] for row in read_csv(campaign.export().path)}
    nearest = {query["nearest_labeled_id"] for query in asked.queries}
    assert found == set(names)
    assert nearest <= {"image 3", "image 8", None}
    assert campaign.replay(1).replayed == [query["id"] for query in asked.queries]


def test_options_hold_for_one_round_and_defaults_fit_small_pools():
    told = settings_from(5, 1000, num_neighbors=20, num_steps=7, ties="coverage")

    assert (told.graph.num_neighbors, told.graph.num_steps, told.query.ties) == (20, 7, "coverage")
    assert settings_from(5, 1000).graph == GraphSettings(num_neighbors=10, num_steps=6)
    assert settings_from(5, 4).graph.num_neighbors == 3
    assert settings_of({"settings": dataclasses.asdict(told)}) == told


def _share_out_of_reach(known, num_neighbors, num_steps):
    """Share of the pool that no edge of the graph leads to within T steps, whichever way it points."""
    edges = np.zeros((NUM_POINTS, NUM_POINTS), bool)
    np.put_along_axis(edges, oracles.nearest_neighbors(FEATURES, num_neighbors)[0], True, axis=1)
    reached = np.isin(np.arange(NUM_POINTS), known)
    for _ in range(num_steps):
        reached |= (edges | edges.T)[:, reached].any(axis=1)
    return (~reached).mean()


def test_status_tells_where_the_campaign_stands(campaign):
    asked = campaign.next(BATCH, num_neighbors=1, num_steps=2)
    assert campaign.status()["unexplored_share"] == 1.0
    label(campaign, answers(asked.queries))

    status = campaign.status()

    assert json.loads(json.dumps(status, allow_nan=False)) == json.loads(json.dumps(status))
    counts = {name: status[name] for name in ("pool", "labeled", "ignored", "tied", "outstanding", "rounds", "columns")}
    assert counts == {
        "pool": NUM_POINTS, "labeled": BATCH, "ignored": 0, "tied": 0, "outstanding": 0, "rounds": 1, "columns": 3
    }  # fmt: skip
    known = [int(query["id"]) for query in asked.queries]
    assert 0.2 < status["unexplored_share"] == _share_out_of_reach(known, 1, 2) < 0.9
    assert status["missing_rounds"] == []


def test_a_campaign_moves_with_its_pool(campaign, tmp_path):
    first = campaign.next(BATCH)
    moved = tmp_path.with_name(tmp_path.name + "-moved")
    tmp_path.rename(moved)

    again = Campaign(moved / "campaign")

    assert again.replay(1).replayed == [query["id"] for query in first.queries]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda features: features + 1e-3, "the numbers differ"),
        (lambda features: features[:-1], "rows were 40, are 39"),
        (lambda features: features[:, :2], "columns were 3, are 2"),
        (lambda features: features.astype(np.float64), "dtype was <f4, is <f8"),
        (lambda features: features[::-1].copy(), "the numbers differ"),
    ],
)
def test_a_changed_pool_is_refused_with_what_changed(campaign, tmp_path, change, told):
    write_pool(tmp_path, change(FEATURES))

    with pytest.raises(ValueError, match=told):
        campaign.next(BATCH)
    assert campaign.about()["rounds"] == 0


def test_a_pool_that_is_gone_is_asked_for_by_its_place(campaign, tmp_path):
    (tmp_path / "pool.npy").unlink()

    with pytest.raises(ValueError, match=r"must lie at .*pool\.npy"):
        campaign.next(BATCH)


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 cut off", None])
def test_a_damaged_graph_is_built_again(campaign, damage):
    first = campaign.next(BATCH)
    kept = campaign.folder / folders.GRAPH
    kept.write_bytes(kept.read_bytes()[:-100] if damage is None else damage)

    assert campaign.replay(1).replayed == [query["id"] for query in first.queries]
    assert np.load(kept)["neighbors"].shape == (NUM_POINTS, 10)


def test_the_graph_is_kept_and_another_k_or_metric_builds_its_own(campaign, monkeypatch):
    from ddal_jax.campaign import graphs

    built = []

    def build(features, settings):
        built.append(settings)
        shape = (NUM_POINTS, settings.num_neighbors)
        return KNNGraph(jnp.zeros(shape, jnp.int32), jnp.full(shape, len(built), jnp.float32))

    monkeypatch.setattr(graphs, "pool_neighbors", build)
    nodes = jnp.arange(NUM_POINTS, dtype=jnp.int32)
    monkeypatch.setattr(graphs, "affinity", lambda knn, symmetrize: DirectedGraph(*knn, nodes, jnp.ones(NUM_POINTS)))
    options = [{}, {}, {"metric": "cosine"}, {"num_neighbors": 4}, {"num_neighbors": 4}]

    found = []
    for option in options:
        settings = GraphSettings(**option)
        with store.opened(campaign.folder) as connection:
            graph = graphs.campaign_graph(connection, campaign.folder, settings)
        found.append(int(graph.weights[0, 0]))

    assert found == [1, 1, 2, 3, 3]


def test_soft_labels_are_an_option_of_a_round(campaign):
    header = ("id", "label", "annotator")
    label(campaign, [("1", "a", "x"), ("1", "a", "y"), ("1", "b", "z"), ("2", "b", "x")], header=header)

    asked = campaign.next(BATCH, soft_labels=True)

    labels = np.full(NUM_POINTS, -1)
    labels[[1, 2]] = [0, 1]
    shares = np.zeros((NUM_POINTS, 2), np.float32)
    shares[1], shares[2] = [2 / 3, 1 / 3], [0, 1]
    seed = json.loads((asked.folder / "config.json").read_text())["seed"]
    expected = suggest(FEATURES, labels, query_size=BATCH, seed=seed, soft_labels=shares)
    assert [query["id"] for query in asked.queries] == [str(row) for row in expected.indices]
    assert campaign.replay(1).same
