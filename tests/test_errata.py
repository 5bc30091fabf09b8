"""The errata page keeps its word: each row names tests, all of them exist, and each names the claim it holds."""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs" / "errata.md").read_text(encoding="utf-8")
ERRATA, CLAIMS = PAGE.split("\n## ")[1:]


def rows(section):
    """The cells of a table's rows, without its head."""
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def named_tests(cell):
    return re.findall(r"`([\w/]+\.py)::(\w+)`", cell)


def docstrings(path):
    """The tests of a file and what they say of themselves."""
    tree = ast.parse((TESTS / path).read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    return {node.name: ast.get_docstring(node) or "" for node in functions}


def claims_named(docstring):
    named = re.match(r"Claims? ((?:[A-Z]\d+(?:, | and )?)+)", docstring)
    return set(re.findall(r"[A-Z]\d+", named[1])) if named else set()


@pytest.mark.parametrize("section", [ERRATA, CLAIMS], ids=["errata", "claims"])
def test_every_row_names_tests_that_exist(section):
    table = rows(section)

    assert len(table) > 20
    for row in table:
        assert len(row) == len(table[0]), row
        assert named_tests(row[-1]), row
        for path, name in named_tests(row[-1]):
            assert name in docstrings(path), f"{path}::{name}"


def test_every_claim_is_numbered_once_and_has_a_verdict():
    table = rows(CLAIMS)

    numbers = [row[0] for row in table]
    assert len(set(numbers)) == len(numbers)
    for number, *_, verdict, _ in table:
        assert re.fullmatch(r"[GDSLCQ]\d+", number)
        assert re.match(r"true|false", verdict), number


def test_tests_in_float64_and_the_table_name_each_other():
    listed = {(number, *test) for number, *_, cell in rows(CLAIMS) for test in named_tests(cell)}

    files = sorted(path.relative_to(TESTS).as_posix() for path in (TESTS / "double").glob("test_*.py"))
    named = {
        (number, path, name)
        for path in files
        for name, docstring in docstrings(path).items()
        for number in claims_named(docstring)
    }
    assert named == {row for row in listed if row[1].startswith("double/")}
