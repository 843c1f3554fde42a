"""Tries: prefixes as nodes in the order they were made, whoever builds them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lattice_cli.graph import Trie

sequences = st.lists(st.lists(st.integers(0, 3), max_size=5), max_size=8)


@given(sequences=sequences)
def test_nodes_are_the_prefixes_in_the_order_they_come(sequences: list[list[int]]) -> None:
    trie = Trie()
    paths = [trie.path(sequence) for sequence in sequences]
    prefixes = {(): 0}
    for sequence, path in zip(sequences, paths):
        assert path == [
            prefixes.setdefault(tuple(sequence[:length]), len(prefixes)) for length in range(1, len(sequence) + 1)
        ]
        assert trie.ends([sequence]) == [prefixes[tuple(sequence)]]
    assert trie.nodes == len(prefixes)
    tail, number, head = trie.columns()
    by_node = {node: prefix for prefix, node in prefixes.items()}
    assert [(*by_node[before], last) for before, last in zip(tail.tolist(), number.tolist())] == [
        by_node[node] for node in head.tolist()
    ]
