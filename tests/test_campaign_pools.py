"""Pools as programs write them: what counts as a feature, what as an id, and that all that is taken can be asked."""

import numpy as np
import pytest
from campaigns import BATCH, FEATURES, NUM_POINTS, write_text

from ddal_jax.campaign import Campaign
from ddal_jax.campaign.folders import GRAPH
from ddal_jax.campaign.pool_files import read_pool

NAMES = [f"n{row:02d}" for row in range(NUM_POINTS)]
BIG = np.random.default_rng(1).integers(-(2**40), 2**40, (NUM_POINTS, 3))


def _npy(path, features):
    np.save(path, features)
    return path


def _table(path, names=None, index=None, **columns):
    """A table as pandas writes it, with a file of names beside it if there are some."""
    pandas = pytest.importorskip("pandas")
    if path.suffix == ".parquet":
        pytest.importorskip("pyarrow")
    frame = pandas.DataFrame({f"f{column}": FEATURES[:, column] for column in range(3)} | columns, index=index)
    frame.to_parquet(path) if path.suffix == ".parquet" else frame.to_csv(path, index=False)
    if names is not None:
        path.with_name("ids.txt").write_text("\n".join(names))
    return path


def _lists(path, kind):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    numbers = pyarrow.array(FEATURES.ravel(), pyarrow.float64())
    column = {
        "fixed": lambda: pyarrow.FixedSizeListArray.from_arrays(numbers, 3),
        "large": lambda: pyarrow.LargeListArray.from_arrays(np.arange(0, 3 * NUM_POINTS + 1, 3), numbers),
    }[kind]()
    parquet.write_table(pyarrow.table({"e": column}), path)
    return path


def _npz(path, **arrays):
    np.savez(path, **arrays)
    path.with_name("ids.txt").write_text("\n".join(NAMES))
    return path


ODD_POOLS = {
    "int64 beyond int32": lambda f: _npy(f / "p.npy", BIG),
    "uint64 beyond int64": lambda f: _npy(f / "p.npy", np.abs(BIG).astype(np.uint64) * 2**20),
    "int8": lambda f: _npy(f / "p.npy", (FEATURES * 40).astype(np.int8)),
    "float16": lambda f: _npy(f / "p.npy", FEATURES.astype(np.float16)),
    "float64": lambda f: _npy(f / "p.npy", FEATURES.astype(np.float64)),
    "long double": lambda f: _npy(f / "p.npy", FEATURES.astype(np.longdouble)),
    "the other byte order": lambda f: _npy(f / "p.npy", FEATURES.astype(FEATURES.dtype.newbyteorder(">"))),
    "integers of the other byte order": lambda f: _npy(f / "p.npy", BIG.astype(">i8")),
    "column order": lambda f: _npy(f / "p.npy", np.asfortranarray(FEATURES)),
    "all the same": lambda f: _npy(f / "p.npy", np.ones((NUM_POINTS, 3), np.float32)),
    "nothing but zeros": lambda f: _npy(f / "p.npy", np.zeros((NUM_POINTS, 3), np.int16)),
    "npz of the other byte order": lambda f: _npz(f / "p.npz", X=FEATURES.astype(">f8")),
    "npz with ids that are none": lambda f: _npz(f / "p.npz", X=FEATURES, id=FEATURES[:, 0]),
    "csv with ids twice": lambda f: _table(f / "p.csv", NAMES, id=["u"] * NUM_POINTS),
    "csv with gaps in its ids": lambda f: _table(f / "p.csv", NAMES, id=[""] * NUM_POINTS),
    "parquet with ids twice": lambda f: _table(f / "p.parquet", NAMES, id=["u"] * NUM_POINTS),
    "parquet with an index": lambda f: _table(f / "p.parquet", index=NAMES),
    "parquet of half floats": lambda f: _table(f / "p.parquet", f0=FEATURES[:, 0].astype(np.float16)),
    "parquet of lists of fixed size": lambda f: _lists(f / "p.parquet", "fixed"),
    "parquet of large lists": lambda f: _lists(f / "p.parquet", "large"),
}


@pytest.mark.parametrize("make", ODD_POOLS.values(), ids=ODD_POOLS)
def test_every_pool_that_init_takes_can_be_asked(tmp_path, make):
    path = make(tmp_path)
    ids = tmp_path / "ids.txt"

    campaign = Campaign.init(path, tmp_path / "campaign", classes=["a", "b"], ids=str(ids) if ids.exists() else None)

    assert campaign.about()["columns"] == 3
    assert len(campaign.next(BATCH).queries) == BATCH


@pytest.mark.parametrize("dtype", ["<i8", ">i8", "<f8"])
def test_neighbors_of_large_numbers_are_those_of_float64(tmp_path, dtype):
    campaign = Campaign.init(_npy(tmp_path / "p.npy", BIG.astype(dtype)), tmp_path / "campaign", classes=["a", "b"])

    campaign.next(BATCH)

    differences = BIG[:, None].astype(np.float64) - BIG[None]
    distances = (differences**2).sum(axis=2) + np.where(np.eye(NUM_POINTS), np.inf, 0)
    with np.load(campaign.folder / GRAPH) as kept:
        found = kept["neighbors"]
    np.testing.assert_array_equal(found, distances.argsort(axis=1)[:, : found.shape[1]])


def test_an_index_of_strings_holds_the_ids_where_nothing_else_does(tmp_path):
    bare = read_pool(_table(tmp_path / "bare.parquet", index=NAMES))
    named = read_pool(_table(tmp_path / "named.parquet", index=_named_index(NAMES, "image")))
    beside = read_pool(_table(tmp_path / "beside.parquet", index=NAMES, id=np.arange(NUM_POINTS)))

    pandas = pytest.importorskip("pandas")
    categories = read_pool(_table(tmp_path / "categories.parquet", index=pandas.CategoricalIndex(NAMES)))
    several = read_pool(
        _table(tmp_path / "several.parquet", index=pandas.MultiIndex.from_arrays([NAMES, NAMES], names=["u", "v"]))
    )

    assert (categories.ids, categories.columns) == (NAMES, ("f0", "f1", "f2"))
    assert (several.ids_from, several.columns) == ("row numbers", ("f0", "f1", "f2"))
    assert (bare.ids, bare.ids_from) == (NAMES, "column __index_level_0__")
    assert (named.ids, named.ids_from) == (NAMES, "column image")
    assert (beside.ids[:2], beside.ids_from) == (["0", "1"], "column id")
    assert [pool.columns for pool in (bare, named, beside)] == [("f0", "f1", "f2")] * 3


def test_an_index_of_numbers_is_no_feature_and_may_be_named_for_the_ids(tmp_path):
    path = _table(tmp_path / "p.parquet", index=_named_index(np.arange(NUM_POINTS)[::-1], "row"))

    pool = read_pool(path)

    assert (pool.columns, pool.features.shape, pool.ids_from) == (("f0", "f1", "f2"), (NUM_POINTS, 3), "row numbers")
    assert read_pool(path, ids="row").ids[:2] == [str(NUM_POINTS - 1), str(NUM_POINTS - 2)]


def _named_index(values, name):
    return pytest.importorskip("pandas").Index(values, name=name)


@pytest.mark.parametrize("end", ["csv", "parquet", "npz"])
def test_a_column_of_ids_is_no_feature_beside_the_one_that_is_asked(tmp_path, end):
    counted = np.arange(NUM_POINTS)
    if end == "npz":
        path = _npz(tmp_path / "p.npz", e=FEATURES, id=counted, name=np.array(NAMES))
    else:
        path = _table(tmp_path / f"p.{end}", name=NAMES, ID=counted, ids=counted)

    pool = read_pool(path, ids="name")

    assert (pool.ids, pool.ids_from) == (NAMES, "column name")
    np.testing.assert_array_equal(pool.features, FEATURES)


def test_a_file_of_ids_goes_before_an_index(tmp_path):
    path = _table(tmp_path / "p.parquet", NAMES, index=[f"other {name}" for name in NAMES])

    pool = read_pool(path, ids=str(tmp_path / "ids.txt"))

    assert (pool.ids, pool.ids_from, pool.columns) == (NAMES, "file ids.txt", ("f0", "f1", "f2"))


@pytest.mark.parametrize(
    ("header", "ids"), [("0,1,2", "0"), ("name,0,1", "name"), ("id,400,402", None), ("name,f,2", "name")]
)
def test_a_header_with_numbers_that_is_one_is_taken(tmp_path, header, ids):
    path = write_text(tmp_path / "p.csv", f"{header}\nu,1,2\nv,3,4\n")

    pool = read_pool(path, ids=ids)

    assert (pool.ids, pool.features.tolist()) == (["u", "v"], [[1.0, 2.0], [3.0, 4.0]])
