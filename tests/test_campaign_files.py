"""Pools as people have them: what can be read is read, the rest is refused with file, place and remedy."""

import os
import pickle

import numpy as np
import pytest
from campaigns import FEATURES, write_text

from ddal_jax.campaign import Campaign
from ddal_jax.campaign.fingerprint import differences, fingerprint
from ddal_jax.campaign.pool_files import read_pool

FEW = FEATURES[:3]
OBJECTS = r"holds Python objects, which are never unpickled\. Save plain arrays: .*numpy\.float32.*asarray\(ids, str\)"
NAMES = ["x", "y", "z"]


def _parquet(path, **columns):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pyarrow.table(columns), path)
    return path


def _lines(header="f0,f1,f2", rows=FEW):
    return header + "\n" + "".join(",".join(map(str, row)) + "\n" for row in rows)


def _npz(path, **arrays):
    np.savez(path, **arrays)
    return path


@pytest.fixture
def write(tmp_path):
    """Pools of the same three rows, in every form."""

    def make(form):
        as_lists = {"id": NAMES, "text": ["p", "q", "r"], "embedding": [list(row) for row in FEW]}
        return {
            "npy": lambda: np.save(tmp_path / "p.npy", FEW) or tmp_path / "p.npy",
            "npy in column order": lambda: np.save(tmp_path / "p.npy", np.asfortranarray(FEW)) or tmp_path / "p.npy",
            "npz": lambda: _npz(tmp_path / "p.npz", ids=np.array(NAMES), X=FEW),
            "npz of one array": lambda: _npz(tmp_path / "p.npz", whatever=FEW),
            "csv": lambda: write_text(tmp_path / "p.csv", _lines()),
            "csv with ids": lambda: write_text(
                tmp_path / "p.csv", _lines("id,f0,f1,f2", zip(NAMES, *FEW.T, strict=True))
            ),
            "csv with ids in capitals": lambda: write_text(
                tmp_path / "p.csv", _lines("ID,f0,f1,f2", zip(NAMES, *FEW.T, strict=True))
            ),
            "csv with semicolons": lambda: write_text(tmp_path / "p.csv", _lines().replace(",", ";")),
            "csv with tabs": lambda: write_text(tmp_path / "p.csv", _lines().replace(",", "\t")),
            "csv of pandas": lambda: write_text(tmp_path / "p.csv", _lines("0,1,2")),
            "csv, CRLF and BOM": lambda: write_text(tmp_path / "p.csv", _lines().replace("\n", "\r\n"), "utf-8-sig"),
            "parquet of columns": lambda: _parquet(tmp_path / "p.parquet", a=FEW[:, 0], b=FEW[:, 1], c=FEW[:, 2]),
            "parquet of lists": lambda: _parquet(tmp_path / "p.parquet", **as_lists),
        }[form]()

    return make


@pytest.mark.parametrize(
    ("form", "ids_from"),
    [
        ("npy", "row numbers"),
        ("npy in column order", "row numbers"),
        ("npz", "column ids"),
        ("npz of one array", "row numbers"),
        ("csv", "row numbers"),
        ("csv with ids", "column id"),
        ("csv with ids in capitals", "column ID"),
        ("csv with semicolons", "row numbers"),
        ("csv with tabs", "row numbers"),
        ("csv of pandas", "row numbers"),
        ("csv, CRLF and BOM", "row numbers"),
        ("parquet of columns", "row numbers"),
        ("parquet of lists", "column id"),
    ],
)
def test_a_pool_is_read_from_every_form(write, form, ids_from):
    pool = read_pool(write(form))

    np.testing.assert_array_equal(np.asarray(pool.features, np.float32), FEW)
    assert pool.ids_from == ids_from
    assert pool.ids == (NAMES if ids_from.startswith("column") else ["0", "1", "2"])


@pytest.mark.parametrize("form", ["text", "npy", "numbers"])
def test_ids_come_from_a_file_too(write, tmp_path, form):
    path = tmp_path / ("names.txt" if form == "text" else "names.npy")
    if form == "text":
        path.write_text("\n".join(NAMES))
    else:
        np.save(path, np.array(NAMES) if form == "npy" else np.arange(7, 10))

    pool = read_pool(write("csv with ids"), ids=str(path))

    assert pool.ids == (["7", "8", "9"] if form == "numbers" else NAMES)
    assert pool.ids_from == f"file {path.name}"
    assert pool.features.shape == (3, 3)


def test_ids_come_from_a_column_by_name(tmp_path):
    path = write_text(tmp_path / "p.csv", "f0,name\n1.5, u\n2.5,v \n")

    assert read_pool(path, ids="name").ids == ["u", "v"]


def _damaged(tmp_path, name):
    ends = {"npy": "p.npy", "npz": "p.npz", "parquet": "p.parquet"}
    path = tmp_path / ends[name]
    many = np.zeros((500, 3))
    if name == "npy":
        np.save(path, many)
    elif name == "npz":
        np.savez(path, X=many)
    else:
        _parquet(path, a=many[:, 0])
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def _array(tmp_path, values, name="p.npy"):
    np.save(tmp_path / name, values, allow_pickle=True)
    return tmp_path / name


class _Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def _pickled(tmp_path):
    (tmp_path / "p.npy").write_bytes(pickle.dumps(_Trap(tmp_path / "sprung")))
    return tmp_path / "p.npy"


def _nan(rows):
    features = FEATURES.copy()
    features[rows, 1] = np.nan
    return features


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda f: f / "none.npy", r"pool must be a file; got .*none\.npy.* no such file"),
        (lambda f: f, "pool must be a file; .* that is a folder"),
        (lambda f: write_text(f / "p.tsv", "a"), r"pool must be one of \.npy, \.npz, \.parquet, \.csv"),
        (lambda f: write_text(f / "p.npy", ""), r"p\.npy cannot be read as plain arrays"),
        (lambda f: _damaged(f, "npy"), r"p\.npy cannot be read as plain arrays.*cut off"),
        (lambda f: _damaged(f, "npz"), r"p\.npz cannot be read as plain arrays.*cut off"),
        (lambda f: _damaged(f, "parquet"), r"p\.parquet cannot be read as parquet.*cut off"),
        (
            lambda f: _array(f, np.array([[_Trap(f / "sprung")]], object)),
            OBJECTS,
        ),
        (_pickled, OBJECTS),
        (
            lambda f: _npz(f / "p.npz", X=np.array([_Trap(f / "sprung")])),
            OBJECTS,
        ),
        (lambda f: _npz(f / "p.npz", a=FEW, b=FEW), "must hold its features in an array named .*; got a, b"),
        (lambda f: _array(f, np.zeros(3)), r"numbers of shape \[n, d\]; got float64 of shape \(3,\)"),
        (lambda f: _array(f, np.zeros((1, 3))), "at least 2 rows and 1 column"),
        (lambda f: _array(f, np.array([["a"], ["b"]])), r"must hold numbers of shape \[n, d\]; got <U1"),
        (lambda f: _array(f, _nan([7, 30])), r"NaN or infinity in 2 rows, the first being 7, 30 \(counted from 0\)"),
        (lambda f: _array(f, np.full((3, 2), 1e300)), "largest absolute value"),
        (lambda f: write_text(f / "p.csv", ""), r"p\.csv is empty"),
        (lambda f: write_text(f / "p.csv", "f0,f1\n"), "at least 2 rows"),
        (lambda f: write_text(f / "p.csv", "f0,f1\n1,2\n3\n"), "line 3: must have 2 cells, as the header has; got 1"),
        (lambda f: write_text(f / "p.csv", "f0,f1\n1,2\n,\n"), "line 3: column 'f0' must be finite.*; got ''"),
        (lambda f: write_text(f / "p.csv", "f0,f1\n1,2\n3,nan\n"), "line 3: column 'f1' must be finite.*; got 'nan'"),
        (
            lambda f: write_text(f / "p.csv", "f0,f1\n1,x\n"),
            "line 2: column 'f1' must hold numbers, with a .*; got 'x'.*--ids f1",
        ),
        (
            lambda f: write_text(f / "p.csv", "1.5,2.5\n1,2\n"),
            "line 1: holds numbers where the columns should be named",
        ),
        (lambda f: write_text(f / "p.csv", ",f0\n0,1\n"), "line 1: column 1 has no name.*index=False"),
        (lambda f: write_text(f / "p.csv", "f0,Unnamed: 0\n0,1\n"), "line 1: column 2 has no name.*index=False"),
        (lambda f: write_text(f / "p.csv", "f0,f1\n1,1_0\n"), "line 2: column 'f1' must hold numbers.*got '1_0'"),
        (lambda f: write_text(f / "p.csv", "f0,f1\n1,-1e39\n"), "line 2: column 'f1' must be finite, and at most 3.4e"),
        (
            lambda f: _array(f, np.full((3, 2), np.finfo(np.longdouble).max)),
            "NaN or infinity in 3 rows|largest absolute",
        ),
        (
            lambda f: write_text(f / os.fsdecode(b"p\xff.csv"), "f0,f1\n1,2\n3,4\n"),
            r"pool must have a name that is text; got '.*p\\udcff\.csv'\. Rename it",
        ),
        (
            lambda f: write_text(f / "p.csv", "f0;f1\n1;2,5\n"),
            "line 2: column 'f1' must hold numbers, with a point for",
        ),
        (
            lambda f: write_text(f / "p.csv", 'id,f0\nu,1\n"v\rw",2\n'),
            r"row 1 \(counted from 0\): id 'v\\rw' must have no",
        ),
        (
            lambda f: write_text(f / "p.csv", 'id,f0\nu,1\n"v\nw",2\n'),
            r"must have no line breaks .*; got '\\n'\. Replace",
        ),
        (
            lambda f: _npz(f / "p.npz", X=FEW, id=np.array(["u", "v\tw", "x"])),
            r"row 1 .*: id 'v\\tw' must have no line",
        ),
        (lambda f: _npz(f / "p.npz", X=FEW, id=np.array(["u", "v\x85w", "x"])), "row 1 .* must have no line breaks"),
        (lambda f: _npz(f / "p.npz", X=FEW, id=np.array([b"u", b"\xff", b"x"])), "row 1 .* must be UTF-8 text"),
        (lambda f: write_text(f / "p.csv", "f0,f0\n0,1\n"), "line 1: column 'f0' stands there twice"),
        (lambda f: write_text(f / "p.csv", "f0,label\n0,1\n"), "column 'label' looks like labels"),
        (lambda f: write_text(f / "p.csv", 'f0,f1\n0,1\n"0,1\n'), "line 3: is not CSV"),
        (lambda f: write_text(f / "p.csv", "f0,é\n1,2\n", "latin-1"), "line 1: must be UTF-8"),
        (lambda f: write_text(f / "p.csv", "f0,f1\n1,2\n", "utf-16"), "line 1: must be UTF-8 text; got UTF-16"),
        (
            lambda f: write_text(f / "p.csv", "id,f0\nu,1\nv,2\nu,3\n"),
            r"id 'u' stands in rows 0 and 2 \(counted from 0\)",
        ),
        (lambda f: write_text(f / "p.csv", "id,f0\nu,1\n,2\n"), r"row 1 \(counted from 0\) has no id"),
        (lambda f: _npz(f / "p.npz", X=FEW, id=np.array(["u", "v"])), "one id for each of the 3 rows; got 2"),
        (lambda f: _npz(f / "p.npz", X=FEW, id=np.array([0.5, 1.0, 2.0])), "ids must be strings or integers"),
        (lambda f: _parquet(f / "p.parquet", a=[1.0, None]), "column 'a' has no value in row 1"),
        (lambda f: _parquet(f / "p.parquet", a=[1.0, 2.0], t=["u", "v"]), "column 't' must hold numbers; got string"),
        (lambda f: _parquet(f / "p.parquet", e=[[1.0], [1.0, 2.0]]), r"of one length; row 1 \(counted from 0\)"),
        (lambda f: _parquet(f / "p.parquet", e=[[1.0], None]), r"of one length; row 1 \(counted from 0\)"),
    ],
)
def test_a_bad_pool_is_refused_with_its_place_and_a_remedy(tmp_path, make, told):
    path = make(tmp_path)
    before = sorted(tmp_path.iterdir())

    with pytest.raises(ValueError, match=told):
        Campaign.init(path, tmp_path / "campaign")

    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("ids", "told"),
    [
        ("nothing", "ids must be a column of the pool or a file; got 'nothing', and columns"),
        ("short.txt", "one id for each of the 3 rows; got 1"),
        ("wide.txt", "wide.txt, line 2: must hold one id; got 2 cells"),
        (os.fsdecode(b"\xff.npy"), r"ids must have a name that is text; got '\\udcff\.npy'\. Rename it"),
    ],
)
def test_bad_ids_are_refused(tmp_path, monkeypatch, ids, told):
    monkeypatch.chdir(tmp_path)
    write_text(tmp_path / "p.csv", _lines())
    write_text(tmp_path / "short.txt", "u\n")
    np.save(tmp_path / os.fsdecode(b"\xff.npy"), np.array(NAMES))
    write_text(tmp_path / "wide.txt", "u\nv,w\n")

    with pytest.raises(ValueError, match=told):
        Campaign.init("p.csv", ids=ids)


@pytest.mark.parametrize(("header", "id"), [("img1,0.1,0.2", "img1"), ("7,img1,0.2", "img1"), ("1,2,3", "1")])
def test_a_first_row_of_data_is_not_taken_for_the_names_of_columns(tmp_path, header, id):
    path = write_text(tmp_path / "p.csv", f"{header}\n1,2,3\n4,5,6\n")

    with pytest.raises(ValueError, match="line 1: holds numbers .*where the columns should be named; add a line like"):
        read_pool(path, ids=id)


@pytest.mark.parametrize("form", ["csv with ids", "npz", "parquet of lists"])
def test_a_pool_whose_id_column_was_renamed_is_told_by_what_it_lacks(write, tmp_path, form):
    path = write(form)
    campaign = Campaign.init(path, tmp_path / "campaign")
    column = campaign.about()["ids_from"].removeprefix("column ")
    if form == "npz":
        _npz(path, key=np.array(NAMES), X=FEW)
    elif form == "parquet of lists":
        _parquet(path, key=NAMES, embedding=[list(row) for row in FEW])
    else:
        path.write_text(path.read_text().replace("id,", "key,"))

    with pytest.raises(ValueError, match=f"has no column '{column}' any more.* are key, .*Name the .* --ids COLUMN"):
        campaign.next(1)


def test_what_differs_between_two_pools_is_told(write, tmp_path):
    first = fingerprint(read_pool(write("csv with ids")))
    text = (tmp_path / "p.csv").read_text()
    others = {
        "ids": write_text(tmp_path / "p.csv", text.replace("x,", "w,")),
        "numbers": write_text(tmp_path / "q.csv", text.replace("x,", "x,1")),
    }

    told = {name: differences(first, fingerprint(read_pool(path))) for name, path in others.items()}

    assert told == {"ids": ["the ids differ"], "numbers": ["the numbers differ"]}
    assert differences(first, first) == []
