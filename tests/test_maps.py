"""The file of a map: what it tells of each point, and that nothing in it can do harm."""

import base64
import hashlib

import made_maps
import numpy as np
import pytest
from made_maps import CLASSES, Said, made, ring, written

import ddal_jax
from ddal_jax.maps import Asked, MapSettings, layout, write_map
from ddal_jax.maps.colors import NO_LEVEL, THEMES, levels

HOSTILE = [
    "</script><script>window.broken = 1</script>", "<!--<script>", "<img src=x onerror=alert(1)>", "&amp;", "'\"\\",
    "\u2028é",
]  # fmt: skip


def test_the_page_tells_of_each_point_what_was_given(tmp_path):
    given = made(24)

    told = written(tmp_path)

    said = given["propagated"]
    assert told["ids"] == given["ids"]
    assert told["classes"] == CLASSES
    for name in ("predicted", "runner_up", "reach", "hops", "nearest_labeled"):
        np.testing.assert_array_equal(told["columns"][name], getattr(said, name))
    np.testing.assert_array_equal(told["columns"]["score"], given["scores"])
    np.testing.assert_array_equal(told["columns"]["confidence"][:18], said.probabilities.max(axis=1)[:18])
    assert "24 points, 1 labelled, 25.0% out of every label's reach." in told["about"]


def test_what_is_asked_comes_by_rank(tmp_path):
    told = written(tmp_path)

    assert told["queried"] == [{"row": row, "rank": row, "reason": "boundary"} for row in range(1, 5)]


def test_neighbors_are_the_nearest_on_the_graph_and_missing_edges_leave_no_gap(tmp_path):
    graph = ring(24)
    weights = np.array(graph.weights)
    weights[0, 1] = 0

    neighbors = written(tmp_path, graph=graph._replace(weights=weights))["columns"]["neighbors"].reshape(24, 5)

    assert neighbors[0].tolist() == [1, 3, 4, 5, 6]
    assert neighbors[1].tolist() == [2, 3, 4, 5, 6]


def test_neighbors_on_a_symmetric_graph_are_those_that_are_nearest_in_space(tmp_path):
    features = made(24)["features"]
    graph = ddal_jax.affinity(ddal_jax.knn_graph(features, num_neighbors=5))
    distances = np.linalg.norm(features[:, None] - features[None], axis=2) + np.diag(np.full(24, np.inf))

    neighbors = written(tmp_path, graph=graph)["columns"]["neighbors"].reshape(24, 5)

    np.testing.assert_array_equal(neighbors, np.argsort(distances, axis=1)[:, :5])


def test_hostile_names_stay_text(tmp_path):
    ids = HOSTILE + [str(row) for row in range(24 - len(HOSTILE))]
    path = write_map(
        tmp_path / "map.html", **made(24, ids=ids, classes=HOSTILE[:3], queried=[Asked(ids[0], 1, ids[0])])
    )

    tags = [(tag, attrs.get("type")) for tag, attrs, _ in made_maps.elements(path.read_text())]

    assert tags == [("style", None), ("script", "application/json"), ("script", None)]
    assert made_maps.read(path)["ids"] == ids
    assert made_maps.read(path)["classes"] == HOSTILE[:3]


def test_the_policy_of_the_page_lets_its_own_script_and_style_work_and_nothing_else(tmp_path):
    page = write_map(tmp_path / "map.html", **made(24)).read_text()

    for tag, _, text in made_maps.elements(page)[::2]:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in page
    assert "default-src 'none'" in page
    assert "http:" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "https:" not in page


def test_a_large_pool_is_thinned_to_what_is_asked_then_labelled_then_others(tmp_path):
    told = written(tmp_path, settings=MapSettings(max_points=8))

    shown = [int(name.split()[1]) for name in told["ids"]]
    assert len(shown) == 8
    assert shown == sorted(shown)
    assert shown[:5] == [0, 1, 2, 3, 4]
    assert [shown[query["row"]] for query in told["queried"]] == [1, 2, 3, 4]
    neighbors = told["columns"]["neighbors"].reshape(8, 5)
    assert [shown[place] for place in neighbors[0] if place >= 0] == [row for row in range(1, 6) if row in shown]
    assert "8 of them are shown" in told["about"]


def test_a_pool_without_classes_and_labels_has_a_map(tmp_path):
    none = np.full(24, -1)
    said = Said(np.zeros((24, 0), np.float32), none, none, np.zeros(24, np.float32), none, none)

    told = written(tmp_path, propagated=said, classes=[], queried=[], scores=np.zeros(24, np.float32))

    assert set(told["columns"]["reach_level"]) == {0}
    assert told["ticks"]["score"] == [0.0] * 5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ids": ["a"]}, r"ids must have 24 entries"),
        ({"scores": np.zeros(3, np.float32)}, r"scores must have 24 entries"),
        ({"graph": ring(12)}, r"graph must have 24 entries"),
        ({"classes": ["a"]}, r"predicted must lie in \[-1, 0\] for 1 classes; got -1 to 2"),
        ({"queried": [Asked("nobody", 1, "")]}, r"ids of the pool; got 'nobody'"),
        ({"queried": [Asked("row 1", 1, ""), Asked("row 1", 2, "")]}, r"each id once"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(tmp_path, changes, message, plain_types):
    with pytest.raises(ValueError, match=message):
        write_map(tmp_path / "map.html", **made(24, **changes))

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wrong", [{"layout": "tsne"}, {"color": "red"}, {"max_points": 0}, {"seed": -1}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        MapSettings(**wrong)


def test_principal_components_are_those_of_a_singular_value_decomposition():
    features = made(24)["features"]
    left, sizes, _ = np.linalg.svd(features - features.mean(axis=0), full_matrices=False)
    expected = (left * sizes)[:, :2]

    found = layout.pca(features)

    assert np.abs(found).max() == pytest.approx(1)
    scale = np.ptp(found[:, 0]) / np.ptp(expected[:, 0])  # one scale for both axes
    for axis in (0, 1):
        correlation = np.corrcoef(found[:, axis], expected[:, axis])[0, 1]
        assert abs(correlation) == pytest.approx(1, abs=1e-5)  # float32
        assert np.ptp(found[:, axis]) == pytest.approx(scale * np.ptp(expected[:, axis]), rel=1e-5)


@pytest.mark.parametrize("features", [np.ones((5, 3)), np.arange(5.0)[:, None], np.ones((1, 3))])
def test_points_that_vary_in_fewer_than_two_directions_have_a_place(features):
    assert np.isfinite(layout.pca(features)).all()


def _two_clouds():
    rng = np.random.default_rng(1)
    line = np.stack([np.linspace(0, 4, 16), 0.3 * rng.normal(size=16)], axis=1)
    return np.concatenate([line, line + [100, 0]]).astype(np.float32)


@pytest.mark.slow
def test_each_component_is_laid_out_by_the_order_of_its_own_second_and_third_eigenvector():
    features = _two_clouds()
    graph = ddal_jax.affinity(ddal_jax.knn_graph(features, num_neighbors=3))
    weights = np.zeros((32, 32))
    rows = np.repeat(np.asarray(graph.owners), graph.neighbors.shape[1])
    np.add.at(weights, (rows, np.asarray(graph.neighbors).ravel()), np.asarray(graph.weights).ravel())

    found = layout.diffusion(features, graph, seed=0)

    for part in (slice(0, 16), slice(16, 32)):
        own = weights[part, part]
        roots = np.sqrt(own.sum(axis=1))
        vectors = np.linalg.eigh(own / np.outer(roots, roots))[1][:, ::-1] / roots[:, None]
        for axis in (0, 1):
            order, expected = np.argsort(found[part, axis]), np.argsort(vectors[:, axis + 1])
            assert order.tolist() in (expected.tolist(), expected[::-1].tolist())
    apart = [found[:16].max(axis=0) < found[16:].min(axis=0), found[16:].max(axis=0) < found[:16].min(axis=0)]
    assert np.any(apart)


def test_a_directed_graph_has_no_layout_by_diffusion(tmp_path):
    with pytest.raises(TypeError, match="symmetric for layout 'diffusion'; got a DirectedGraph"):
        write_map(tmp_path / "map.html", **made(24, settings=MapSettings(layout="diffusion")))


def test_levels_follow_the_rank_among_different_values():
    found, along = levels(np.array([0, 0, 0, 1e-6, np.nan, 5, 100], np.float32))

    assert found.tolist() == [0, 0, 0, 85, NO_LEVEL, 169, 254]
    assert along == pytest.approx([0, 1e-6, 5, 5, 100])
    assert levels(np.array([np.nan], np.float32))[1] == []


def _linear(color):
    values = np.array([int(color[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _luminance(color):
    return float(_linear(color) @ [0.2126, 0.7152, 0.0722])


def _contrast(one, other):
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", THEMES)
def test_colors_stand_out_from_their_ground(theme):
    colors = THEMES[theme]

    assert min(_contrast(color, colors["ground"]) for color in colors["classes"]) >= 3  # graphical objects, WCAG 1.4.11
    assert min(_contrast(color, colors["ground"]) for color in (*colors["ramp"], colors["none"])) >= 2
    assert _contrast(colors["ramp"][0], colors["ground"]) >= 10


@pytest.mark.parametrize("theme", THEMES)
def test_a_ramp_goes_one_way_from_dark_to_light(theme):
    steps = np.diff([_luminance(color) for color in THEMES[theme]["ramp"]])

    assert (steps > 0).all() or (steps < 0).all()


# How the eye without red or without green cones mixes linear light: Machado, Oliveira and Fernandes (2009), table 1.
_EYES = {
    "usual": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
}
_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def _lab(linear):
    x, y, z = np.cbrt(np.maximum(_TO_XYZ @ linear / [0.9505, 1, 1.089], 1e-9))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("eye", _EYES)
@pytest.mark.parametrize("theme", THEMES)
def test_colors_of_classes_are_told_apart_by_every_eye(theme, eye):
    seen = [_lab(np.clip(np.asarray(_EYES[eye]) @ _linear(color), 0, 1)) for color in THEMES[theme]["classes"]]

    distances = [np.linalg.norm(one - other) for place, one in enumerate(seen) for other in seen[:place]]

    assert min(distances) > 12  # CIE 1976; about 2.3 is just noticed side by side, small dots need several times that
