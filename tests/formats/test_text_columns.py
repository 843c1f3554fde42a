"""Columns of text read at once: the same as field by field, with the same message about the first that is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lattice_cli.errors import FormatError
from lattice_cli.formats.io.rows import FieldTable, Row, energy_of_score, node_of, rows_of, weight_of

_ODD_FIELDS = [
    "inf",
    "-Infinity",
    "nan",
    "1_0",
    "1e999",
    "+3",
    "-0",
    "007",
    "9" * 19,
    "9" * 18,
    "1.",
    ".5",
    "1e-3",
    "e",
    "0x1",
]
_FIELDS = st.one_of(
    st.integers(0, 10**7).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(width=32, allow_nan=False, allow_infinity=False).map(lambda value: f"{value:.9g}"),
    st.sampled_from(_ODD_FIELDS),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters=" \t\n\r\f\v"), min_size=1, max_size=12),
    st.sampled_from(["a\0", "a", "1\0", "1\0002", "x" * 70, "9" * 70, "0." + "1" * 70, "\x1c", "\u2028", "\xa0"]),
)
_WHITE = st.text(" \t\r\f\v", min_size=1, max_size=2)
_ROWS = st.lists(
    st.tuples(st.sampled_from(["", " ", "\t"]), st.lists(st.tuples(_FIELDS, _WHITE), max_size=5)), max_size=8
)


def text_of(rows: Any) -> str:
    return "\n".join(begin + "".join(field + white for field, white in row) for begin, row in rows)


def outcome(call: Callable[..., Any], *arguments: Any) -> Any:
    """What a call returns, or the message of its error."""
    try:
        found = call(*arguments)
    except FormatError as error:
        return str(error)
    return found.tolist() if isinstance(found, np.ndarray) else found


def one_by_one(fields: Any, careful: Callable[[str, str], float]) -> list[float]:
    return [careful(own[0], at) if own else 0.0 for own, at in fields]


def assert_reads_as(table: FieldTable, rows: list[Row]) -> None:
    """The table has these rows, and each of its columns is what its fields are one by one."""
    assert table.line.tolist() == [line for line, _ in rows]
    assert table.width.tolist() == [len(fields) for _, fields in rows]
    for place in range(min((len(fields) for _, fields in rows), default=1)):
        texts = [fields[place] for _, fields in rows]
        places = [(text, f"f:{line}") for text, (line, _) in zip(texts, rows)]
        column = table.column(place)
        assert table.texts(place) == texts
        assert [column.texts[number] for number in column.number.tolist()] == texts
        assert list(column.texts) == list(dict.fromkeys(texts))
        assert list(column.lines) == [rows[texts.index(text)][0] for text in column.texts]
        found = outcome(table.nodes, place, "f")
        assert found == outcome(lambda every: [node_of(text, at) for text, at in every], places)
    for scores, careful in ((False, weight_of), (True, energy_of_score)):
        for place in range(max((len(fields) for _, fields in rows), default=1)):
            fields = [(fields[place : place + 1], f"f:{line}") for line, fields in rows]
            expected = outcome(one_by_one, fields, careful)
            assert outcome(table.energies, place, "f", scores) == expected


@given(_ROWS, st.integers(1, 50))
@example([("", [("1\0", "")]), ("", [("1", "")])], 1)
@example([("", [("0", " "), ("-0", "")]), ("", []), ("", [("1e400", "\t"), ("inf", "\r")])], 1)
def test_a_table_has_the_rows_of_its_text(rows: Any, first: int) -> None:
    text = text_of(rows)
    assert_reads_as(FieldTable.of(text, first), [*rows_of(text, first)])


@given(_ROWS)
def test_rows_that_were_found_otherwise_make_the_same_table(rows: Any) -> None:
    found = [*rows_of(text_of(rows))]
    assert_reads_as(FieldTable.of_rows(found), found)


@pytest.mark.parametrize("kind", ["numbers", "weights", "words"])
def test_many_rows_at_once(kind: str) -> None:
    rng = np.random.default_rng(5)
    made = {
        "numbers": [str(number) for number in rng.integers(0, 10**6, size=(3000, 3)).ravel()],
        "weights": [repr(number) for number in (rng.normal(size=9000) * 10.0 ** rng.integers(-30, 30, 9000)).tolist()],
        "words": [f"w{'é' * (number % 9)}{number}" for number in rng.integers(0, 500, size=9000).tolist()],
    }[kind]
    rows = [(line, made[3 * line - 3 : 3 * line]) for line in range(1, 3001)]
    assert_reads_as(FieldTable.of("\n".join("\t".join(fields) for _, fields in rows)), rows)
