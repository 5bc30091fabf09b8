"""Files as people have them: what can be read is read, the rest is refused with file, place and remedy."""

import os
import pickle

import numpy as np
import pytest
from campaigns import FEATURES, NUM_POINTS, begin, standing, write_labels

from ddal_jax.campaign import Campaign
from ddal_jax.campaign.label_files import read_labels
from ddal_jax.campaign.labeled_pools import read_labeled_pool
from ddal_jax.campaign.pool_files import read_pool

FEW = FEATURES[:3]
NAMES = ["x", "y", "z"]


def _csv(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


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
            "csv": lambda: _csv(tmp_path / "p.csv", _lines()),
            "csv with ids": lambda: _csv(tmp_path / "p.csv", _lines("id,f0,f1,f2", zip(NAMES, *FEW.T, strict=True))),
            "csv of pandas": lambda: _csv(tmp_path / "p.csv", _lines("0,1,2")),
            "csv, CRLF and BOM": lambda: _csv(tmp_path / "p.csv", _lines().replace("\n", "\r\n"), "utf-8-sig"),
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
    path = _csv(tmp_path / "p.csv", "f0,name\n1.5, u\n2.5,v \n")

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
        (lambda f: f / "none.npy", r"POOL must be a file; got .*none\.npy.* no such file"),
        (lambda f: f, "POOL must be a file; .* that is a folder"),
        (lambda f: _csv(f / "p.tsv", "a"), r"POOL must be one of \.npy, \.npz, \.parquet, \.csv"),
        (lambda f: _csv(f / "p.npy", ""), r"p\.npy cannot be read as plain arrays"),
        (lambda f: _damaged(f, "npy"), r"p\.npy cannot be read as plain arrays.*cut off"),
        (lambda f: _damaged(f, "npz"), r"p\.npz cannot be read as plain arrays.*cut off"),
        (lambda f: _damaged(f, "parquet"), r"p\.parquet cannot be read as parquet.*cut off"),
        (
            lambda f: _array(f, np.array([[_Trap(f / "sprung")]], object)),
            "holds Python objects, and nothing is unpickled",
        ),
        (_pickled, "holds Python objects, and nothing is unpickled"),
        (
            lambda f: _npz(f / "p.npz", X=np.array([_Trap(f / "sprung")])),
            "holds Python objects, and nothing is unpickled",
        ),
        (lambda f: _npz(f / "p.npz", a=FEW, b=FEW), "must hold its features in an array named .*; got a, b"),
        (lambda f: _array(f, np.zeros(3)), r"numbers of shape \[n, d\]; got float64 of shape \(3,\)"),
        (lambda f: _array(f, np.zeros((1, 3))), "at least 2 rows and 1 column"),
        (lambda f: _array(f, np.array([["a"], ["b"]])), r"must hold numbers of shape \[n, d\]; got <U1"),
        (lambda f: _array(f, _nan([7, 30])), r"NaN or infinity in 2 rows, the first being 7, 30 \(counted from 0\)"),
        (lambda f: _array(f, np.full((3, 2), 1e300)), "largest absolute value"),
        (lambda f: _csv(f / "p.csv", ""), r"p\.csv is empty"),
        (lambda f: _csv(f / "p.csv", "f0,f1\n"), "at least 2 rows"),
        (lambda f: _csv(f / "p.csv", "f0,f1\n1,2\n3\n"), "line 3: must have 2 cells, as the header has; got 1"),
        (lambda f: _csv(f / "p.csv", "f0,f1\n1,2\n,\n"), "line 3: column 'f0' must be finite; got ''"),
        (lambda f: _csv(f / "p.csv", "f0,f1\n1,2\n3,nan\n"), "line 3: column 'f1' must be finite; got 'nan'"),
        (lambda f: _csv(f / "p.csv", "f0,f1\n1,x\n"), "line 2: column 'f1' must hold numbers; got 'x'.*--ids f1"),
        (lambda f: _csv(f / "p.csv", "1.5,2.5\n1,2\n"), "line 1: holds numbers where the columns should be named"),
        (lambda f: _csv(f / "p.csv", ",f0\n0,1\n"), "line 1: column 1 has no name.*index=False"),
        (lambda f: _csv(f / "p.csv", "f0,f0\n0,1\n"), "line 1: column 'f0' stands there twice"),
        (lambda f: _csv(f / "p.csv", "f0,label\n0,1\n"), "column 'label' looks like labels"),
        (lambda f: _csv(f / "p.csv", 'f0,f1\n0,1\n"0,1\n'), "line 3: is not CSV"),
        (lambda f: _csv(f / "p.csv", "f0,é\n1,2\n", "latin-1"), "line 1: must be UTF-8"),
        (lambda f: _csv(f / "p.csv", "f0,f1\n1,2\n", "utf-16"), "line 1: must be UTF-8 text; got UTF-16"),
        (lambda f: _csv(f / "p.csv", "id,f0\nu,1\nv,2\nu,3\n"), r"id 'u' stands in rows 0 and 2 \(counted from 0\)"),
        (lambda f: _csv(f / "p.csv", "id,f0\nu,1\n,2\n"), r"row 1 \(counted from 0\) has no id"),
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
        ("nothing", "--ids must be a column of POOL or a file; got 'nothing', and columns"),
        ("short.txt", "one id for each of the 3 rows; got 1"),
        ("wide.txt", "wide.txt, line 2: must hold one id; got 2 cells"),
    ],
)
def test_bad_ids_are_refused(tmp_path, monkeypatch, ids, told):
    monkeypatch.chdir(tmp_path)
    _csv(tmp_path / "p.csv", _lines())
    _csv(tmp_path / "short.txt", "u\n")
    _csv(tmp_path / "wide.txt", "u\nv,w\n")

    with pytest.raises(ValueError, match=told):
        Campaign.init("p.csv", ids=ids)


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
        campaign.ingest(_csv(tmp_path / "labels.csv", text))

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
