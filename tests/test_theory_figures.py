"""Pictures of claims are functions of saved rows."""

import numpy as np
import pytest
from made_claims import rows_of_all

from ddal_jax.figures.style import plt
from ddal_jax.figures.theory import parts, pictures

ROWS = rows_of_all()
# What each picture shows and the test may change.
SHOWN = {
    "power-iteration": "tangent", "harmonic-limit": "error", "lemma-1": "cosine", "minimal-cut": "normalized_cut",
    "cut-search": "queries", "mixture": "both_classes", "reach": "mean", "sign-cut": "error",
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    drawn = pictures.draw(ROWS, folder)
    assert drawn == {name: f"{name}.png" for name in SHOWN}
    return folder


def test_every_claim_but_the_tables_has_a_picture():
    assert set(ROWS) - set(pictures.PICTURES) == {"eigenproblem", "counterexamples"}


@pytest.mark.parametrize("name", SHOWN)
def test_no_picture_is_blank(folder, name):
    colors = plt.imread(folder / f"{name}.png")[..., :3]

    colorful = np.ptp(colors, axis=2) > 0.2

    assert colors.shape[0] > 300
    assert colorful.mean() > 0.001  # curves, not frames and letters, are coloured


@pytest.fixture
def numbers_drawn(monkeypatch, tmp_path):
    """Returns what tells the coordinates of all curves and dots of a picture, without the time to paint it."""
    figures = []
    monkeypatch.setattr(parts, "save", lambda figure, path: figures.append(figure))

    def numbers_of(name, rows):
        pictures.draw({name: rows}, tmp_path)
        figure = figures.pop()
        plt.close(figure)
        return np.concatenate([np.ravel(line.get_xydata()) for axes in figure.axes for line in axes.get_lines()])

    return numbers_of


@pytest.mark.parametrize("name", SHOWN)
def test_pictures_follow_their_rows(numbers_drawn, name):
    changed = [row | {SHOWN[name]: 0.9 * row[SHOWN[name]]} for row in ROWS[name]]

    before, after = numbers_drawn(name, ROWS[name]), numbers_drawn(name, changed)

    assert np.setdiff1d(after, before).size
    assert np.setdiff1d(before, after).size


def test_pictures_leave_out_phi_2_of_graphs_in_pieces(numbers_drawn):
    pieces = [row | {"cosine": 0.123} for row in ROWS["lemma-1"] if not row["connected"]]
    rest = [row for row in ROWS["lemma-1"] if row["connected"]]

    np.testing.assert_array_equal(numbers_drawn("lemma-1", rest + pieces), numbers_drawn("lemma-1", rest))


def test_the_same_rows_draw_the_same_picture(folder, tmp_path):
    drawn = pictures.draw({"sign-cut": ROWS["sign-cut"], "mixture": []}, tmp_path)

    assert drawn == {"sign-cut": "sign-cut.png"}
    assert (tmp_path / "sign-cut.png").read_bytes() == (folder / "sign-cut.png").read_bytes()


def test_medians_lie_between_percentiles_over_seeds_and_pass_over_what_is_missing():
    rows = [{"t": t, "y": None if t == 2 else float(seed + t)} for t in (3, 1, 2) for seed in range(11)]
    rows.append({"t": 1, "y": None})

    band = parts.medians(rows, "t", "y")

    np.testing.assert_array_equal(band.at, [1, 3])
    np.testing.assert_allclose(band.middle, [6, 8])
    np.testing.assert_allclose(band.low, [2, 4])
    np.testing.assert_allclose(band.high, [10, 12])


def test_means_lie_between_two_standard_errors():
    rows = [{"t": 0, "y": y} for y in (1.0, 2.0, 6.0)] + [{"t": 1, "y": 5.0}]

    band = parts.means(rows, "t", "y")

    np.testing.assert_allclose(band.middle, [3, 5])
    np.testing.assert_allclose(band.high - band.middle, [2 * np.sqrt(7 / 3), 0])
    np.testing.assert_allclose(band.middle - band.low, [2 * np.sqrt(7 / 3), 0])


def test_nothing_measured_makes_an_empty_band():
    assert parts.medians([{"t": 0, "y": None}], "t", "y").middle.size == 0
