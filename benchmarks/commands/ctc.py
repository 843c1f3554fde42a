"""CTC lines against what others make of them: torch's losses, alignments, the best dictionary word, prose by a lexicon.

    python benchmarks/commands/ctc.py FOLDER

FOLDER holds ctc/ and lexica/ (97 text lines by PP-OCRv4; word lists of wamerican). Tables, and last a line of JSON.
"""

from __future__ import annotations

import argparse
import gzip
import json
import pathlib
import time
from typing import Any

import numpy as np

from lattice_cli.emissions import DecodingGraph
from lattice_cli.emissions.product_sweep import ProductSweep, product_sweep
from lattice_cli.grammars import grammar_of, spelled
from lattice_cli.graph import Document, emission_graph, linear_graph
from lattice_cli.records import Decoder, Decoding, SearchRequest, decode, forward
from lattice_cli.search import distances
from lattice_cli.sweep import LogSemiring

BLANK = "<blank>"


def lines_of(folder: pathlib.Path) -> tuple[list[Document], list[dict[str, Any]]]:
    """The matrices, and what is known of each."""
    arrays = np.load(folder / "ctc" / "share_ascii.npz")
    labels = ("", *(str(label) for label in arrays["columns"]))
    ends = np.cumsum(arrays["lens"])
    known = json.loads((folder / "ctc" / "share_reference.json").read_text())
    kinds = json.loads((folder / "ctc" / "share.json").read_text())
    documents = []
    for low, high, about, kind in zip(ends - arrays["lens"], ends, known, kinds):
        about["kind"] = kind["kind"]
        graph = emission_graph(-arrays["logp"][low:high].astype(np.float64), labels)
        documents.append(Document(graph, about["id"], about["id"], range(graph.nodes)))
    return documents, known


def spelling(text: str, labels: tuple[str, ...]) -> Document:
    """The grammar of one text."""
    graph = linear_graph(labels, [labels.index(letter, 1) for letter in text])
    return Document(graph, text, text, range(graph.nodes))


def word_lists(folder: pathlib.Path) -> tuple[list[str], list[str]]:
    """The 63,875 words of a to z, and these and their capitalised forms for running text, where one letter alone is
    no word but a, A and I."""
    lists = [(folder / "lexica" / f"wamerican_{name}.txt.gz").read_bytes() for name in ("az", "all")]
    small, every = (gzip.decompress(data).decode().split() for data in lists)
    known = set(small) | {word for word in every if word.isascii() and word.isalpha()}
    text = known | {word.capitalize() for word in known}
    return small, sorted(word for word in text if len(word) > 1 or word in "aAI")


def losses(documents: list[Document], known: list[dict[str, Any]]) -> dict[str, Any]:
    """CTC losses and alignments of the true texts."""
    apart, aligned, infinite, begun = [0.0], [0.0], [], time.perf_counter()
    for document, about in zip(documents, known):
        grammar = spelling(about["text"], document.graph.labels)
        (found,) = forward([document], [1.0], Decoder(grammar, BLANK))
        if not isinstance(found, list):
            infinite.append(document.id)
            assert about["nll_ref"] == np.inf
            continue
        (best,) = decode([document], Decoder(grammar, BLANK))
        assert isinstance(best, Decoding)
        apart.append(abs(found[0].statistics.free_energy / about["nll_ref"] - 1))
        aligned.append(abs(best.paths[0].energy / about["viterbi_energy_ref"] - 1))
    return {
        "lines": len(documents),
        "infinite": infinite,
        "loss, largest relative difference": max(apart),
        "alignment, largest relative difference": max(aligned),
        "seconds": time.perf_counter() - begun,
    }


def dictionary(documents: list[Document], known: list[dict[str, Any]], words: list[str]) -> dict[str, Any]:
    """The best words of a dictionary for the lines of one word, by best path and by sum."""
    lexicon = grammar_of((spelled(word, "characters", 0.0, "") for word in words), "words", "words")
    machine = DecodingGraph.of(lexicon.graph, BLANK)
    assert machine is not None
    single = [(document, about) for document, about in zip(documents, known) if about["kind"] == "word"]
    by_path = by_sum = 0
    apart, begun = 0.0, time.perf_counter()
    for document, about in single:
        (found,) = decode([document], Decoder(lexicon, BLANK), SearchRequest(n=5, distinct=True))
        assert isinstance(found, Decoding)
        mine = [("".join(path.output), path.energy) for path in found.paths]
        by_path += [word for word, _ in mine] == [word for word, _ in about["dict_best_viterbi"]]
        apart = max(apart, *(abs(one[1] / two[1] - 1) for one, two in zip(mine, about["dict_best_viterbi"])))
        sums = word_sums(document, machine, words)
        five = sorted(sums, key=sums.__getitem__)[:5]
        by_sum += five == [word for word, _ in about["dict_best_forward"]]
        apart = max(apart, *(abs(sums[word] / energy - 1) for word, energy in about["dict_best_forward"]))
    return {
        "words": len(words),
        "lines": len(single),
        "five best by path as by brute force": by_path,
        "five best by sum as by brute force": by_sum,
        "energies, largest relative difference": apart,
        "seconds": time.perf_counter() - begun,
    }


def word_sums(document: Document, machine: DecodingGraph, words: list[str]) -> dict[str, float]:
    """-log P of every word at once: a trie has a node of its own for each, and sums stand there after the last row."""
    graph = document.graph
    rows = graph.energy.reshape(graph.nodes - 1, -1)
    place = {label: column for column, label in enumerate(graph.labels[1:])}
    columns = np.array([-1, *(place.get(label, -1) for label in machine.labels[1:])])
    swept = product_sweep(rows, np.array([len(rows)]), machine.graph, columns, LogSemiring(1.0))
    assert isinstance(swept, ProductSweep)
    ended = swept.ends[0] + machine.graph.final
    least = np.full(machine.source.graph.nodes, np.inf)
    np.minimum.at(least, machine.node_of, ended)
    with np.errstate(invalid="ignore"):
        shares = np.exp(-(ended - least[machine.node_of]))
    sums = np.bincount(machine.node_of, np.where(np.isfinite(ended), shares, 0.0))
    with np.errstate(divide="ignore"):
        by_node = least - np.log(sums)
    trie = machine.source.graph
    child = {(tail, label): head for tail, head, label in zip(*(c.tolist() for c in (trie.src, trie.dst, trie.ilabel)))}
    number = {label: index for index, label in enumerate(trie.labels) if index}
    found = {}
    for word in words:
        node = 0
        for letter in word:
            node = child[node, number[letter]]
        found[word] = float(by_node[node])
    return found


def prose(documents: list[Document], known: list[dict[str, Any]], words: list[str], beam: float) -> dict[str, Any]:
    """Lines of running text with a lexicon: energies and word errors beside those of flashlight's beam search."""
    begun = time.perf_counter()
    listed = (spelled(word, "characters", 0.0, "") for word in words)
    lexicon = grammar_of(listed, "words", "words", loop=" ", around=True, by_word=True)
    built = time.perf_counter() - begun
    chosen = [(document, about) for document, about in zip(documents, known) if about["kind"] == "prose"]
    lines = [document for document, _ in chosen]
    begun = time.perf_counter()
    found = decode(lines, Decoder(lexicon, BLANK))
    exact_time = time.perf_counter() - begun
    begun = time.perf_counter()
    pruned = decode(lines, Decoder(lexicon, BLANK), SearchRequest(beam=beam, max_active=200))
    beam_time = time.perf_counter() - begun
    higher, lower = [], 0
    pairs: dict[str, list[tuple[list[str], list[str]]]] = {"lattice": [], "flashlight": [], "no lexicon": []}
    for result, (_, about) in zip(found, chosen):
        assert isinstance(result, Decoding)
        assert result.search is None or result.search.exact
        energy = result.paths[0].energy
        if energy > about["flashlight_energy"] + 1e-9:
            higher.append(about["id"])
        lower += energy < about["flashlight_energy"] - 1e-9
        text = about["text"].replace(".", "").split()  # the lexicon has no full stops
        pairs["lattice"].append((text, result.paths[0].output))
        pairs["flashlight"].append((text, about["flashlight_words"].split()))
        pairs["no lexicon"].append((text, about["greedy"].replace(".", "").split()))
    total = sum(len(text) for text, _ in pairs["lattice"])
    proven = sum(isinstance(each, Decoding) and each.search is not None and each.search.exact for each in pruned)
    right = sum(
        isinstance(one, Decoding) and isinstance(two, Decoding) and one.paths[0].energy <= two.paths[0].energy + 1e-9
        for one, two in zip(pruned, found)
    )
    return {
        "words": len(words),
        "lines": len(chosen),
        "energy above flashlight's": higher,
        "energy below flashlight's": lower,
        **{f"word error, {name}": int(distances(each).sum()) / total for name, each in pairs.items()},
        "lexicon, seconds": built,
        "exact, seconds": exact_time,
        "beam, seconds": beam_time,
        "beam: best found": right,
        "beam: proven best": proven,
    }


def main() -> None:
    """Measure, print tables, and a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--beam", type=float, default=12.0)
    given = parser.parse_args()
    documents, known = lines_of(given.folder)
    small, text = word_lists(given.folder)
    found = {
        "losses": losses(documents, known),
        "dictionary": dictionary(documents, known, small),
        "prose": prose(documents, known, text, given.beam),
    }
    for part, figures in found.items():
        print(part)
        for name, value in figures.items():
            print(f"  {name:45} {value:.4g}" if isinstance(value, float) else f"  {name:45} {value}")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
