"""CTC lines against what others make of them: torch's losses, alignments, the best dictionary word, prose by a lexicon,
a language model over it.

    python benchmarks/commands/ctc.py FOLDER [--peer PYTHON]

FOLDER holds ctc/ and lexica/ (97 text lines by PP-OCRv4; word lists of wamerican, wordfreq). --peer is a Python that
has flashlight-text, pyctcdecode and kenlm: its beam searches get the same rows, lexicon and model. Their seconds are
those of decoding alone, as ours are, lexica and models in memory; tables, and last a line of JSON.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import pathlib
import subprocess
import tempfile
import time
from typing import Any

import numpy as np

from lattice_cli.emissions import DecodingGraph
from lattice_cli.emissions.product_sweep import ProductSweep, product_sweep
from lattice_cli.formats.notations import UNKNOWN, read_ngrams
from lattice_cli.grammars import Scorers, grammar_of, spelled
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
    lexicon = grammar_of(spelled(((word, 0.0, "") for word in words), "characters"), "words", "words")
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


#: The peers' side: a folder with rows, words, labels, and a model or none.
_PEERS = """
import json, sys, time
import kenlm
import numpy as np
from flashlight.lib.text.decoder import (
    LM, CriterionType, LexiconDecoder, LexiconDecoderOptions, LMState, SmearingMode, Trie, ZeroLM
)
from pyctcdecode import build_ctcdecoder

folder, space, model = sys.argv[1:]
words = open(f"{folder}/words.txt", encoding="utf-8").read().splitlines()
labels = json.load(open(f"{folder}/labels.json"))
rows = np.load(f"{folder}/rows.npz")
lines = [np.ascontiguousarray(rows[name], dtype=np.float32) for name in rows.files]
model = None if model == "none" else kenlm.Model(model)


class Judge(LM):
    \"\"\"KenLM behind flashlight's interface.\"\"\"

    def __init__(self):
        LM.__init__(self)
        self.known = {}

    def start(self, _):
        first, state = LMState(), kenlm.State()
        model.BeginSentenceWrite(state)
        self.known[first] = state, 0.0
        return first

    def after(self, state, number, word):
        then = state.child(number)
        if then not in self.known:
            found = kenlm.State()
            self.known[then] = found, model.BaseScore(self.known[state][0], word, found)
        return then, self.known[then][1]

    def score(self, state, number):
        return self.after(state, number, words[number])

    def finish(self, state):
        return self.after(state, -1, "</s>")


judge = ZeroLM() if model is None else Judge()
trie, first = Trie(len(labels), labels.index(space)), judge.start(False)
for number, word in enumerate(words):
    spelling = [labels.index(letter) for letter in word] + [labels.index(space)]
    trie.insert(spelling, number, judge.score(first, number)[1])
trie.smear(SmearingMode.MAX)
found = {}
for beam in (50, 200):
    options = LexiconDecoderOptions(
        beam_size=beam, beam_size_token=len(labels), beam_threshold=15, lm_weight=np.log(10), word_score=0,
        unk_score=-np.inf, sil_score=0, log_add=False, criterion_type=CriterionType.CTC,
    )
    decoder = LexiconDecoder(options, trie, judge, labels.index(space), 0, len(words), [], False)
    begun = time.process_time()
    best = [decoder.decode(line.ctypes.data, *line.shape)[0] for line in lines]
    found[f"flashlight, beam {beam}"] = {
        "seconds": time.process_time() - begun,
        "energies": [-each.score for each in best],
        "words": [[words[number] for number in each.words if number >= 0] for each in best],
    }
names = ["" if place == 0 else " " if label == space else label for place, label in enumerate(labels)]
path = None if model is None else sys.argv[3]
decoder = build_ctcdecoder(names, path, words, alpha=1.0, beta=0.0)
begun = time.process_time()
texts = [decoder.decode(line) for line in lines]
found["pyctcdecode"] = {"seconds": time.process_time() - begun, "words": [text.split() for text in texts]}
print(json.dumps(found))
"""


def peers(
    python: str | None,
    rows: list[Any],
    labels: list[str],
    words: list[str],
    space: str,
    model: pathlib.Path | None = None,
) -> dict[str, Any]:
    """What the peers make of rows of natural logarithms, the blank in the first column; {} without them."""
    if python is None:
        return {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        (folder / "words.txt").write_text("\n".join(words), encoding="utf-8")
        (folder / "labels.json").write_text(json.dumps(labels))
        np.savez(folder / "rows.npz", **{f"line{number:03}": each for number, each in enumerate(rows)})
        command = [python, "-W", "ignore", "-c", _PEERS, scratch, space, "none" if model is None else str(model)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"the peers failed: {done.stderr.strip().splitlines()[-1]}")
        return {}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def timed(lines: list[Document], decoder: Decoder, request: SearchRequest) -> tuple[list[Decoding], float]:
    """What is found, and seconds of processor time; what is made once, for the first line, is made before."""
    decode(lines[:1], decoder, request)
    begun = time.process_time()
    found = [each for each in decode(lines, decoder, request) if isinstance(each, Decoding)]
    return found, time.process_time() - begun


def language_model(folder: pathlib.Path, python: str | None) -> dict[str, Any]:
    """A line of 371 rows over 29 labels, 25,573 words, an ARPA model of some 150,000 n-grams: drawn at random."""
    rng = np.random.default_rng(7)
    rows = gzip.decompress((folder / "lexica" / "wordfreq_en_50k.tsv.gz").read_bytes()).decode().splitlines()
    share = {word: float(value) for word, value in (row.split("\t")[:2] for row in rows[1:])}
    listed = gzip.decompress((folder / "lexica" / "wamerican_az.txt.gz").read_bytes()).decode().split()
    words = sorted((word for word in listed if len(word) > 1 and word in share), key=lambda word: -share[word])[:25_573]
    p = np.array([share[word] for word in words])
    p /= p.sum() / 0.98
    draw = p / p.sum()
    pairs = sorted(
        {*zip(*(rng.choice(len(words), size=175_000, p=each / each.sum()).tolist() for each in (p, p**0.7)))}
    )
    after: dict[int, list[int]] = {}
    for head, tail in pairs:
        after.setdefault(head, []).append(tail)
    of_pair: dict[tuple[int, int], float] = {}
    for head, tails in after.items():
        weight = rng.random(len(tails)) * 5 * p[tails] + 1e-4 * rng.random(len(tails))
        of_pair |= {(head, tail): value for tail, value in zip(tails, (0.7 * weight / weight.sum()).tolist())}
    spoken = [int(rng.choice(len(words), p=draw))]
    while sum(len(words[word]) + 1 for word in spoken) < 105:
        known = after.get(spoken[-1], [])
        of_known = np.array([of_pair[spoken[-1], tail] for tail in known])
        told = len(known) > 0 and rng.random() < 0.7
        spoken.append(int(rng.choice(known, p=of_known / of_known.sum()) if told else rng.choice(len(words), p=draw)))
    labels = ["_", *"abcdefghijklmnopqrstuvwxyz", "'", "|"]
    wanted: list[int] = []
    for letter in "|".join(words[word] for word in spoken) + "|":
        number = labels.index(letter)
        wanted += [0] * (wanted[-1:] == [number])
        wanted += [number] * int(rng.integers(1, 3)) + [0] * int(rng.integers(0, 3))
    wanted = (wanted + [0] * 371)[:371]
    values = rng.normal(size=(371, 29)) * 1.5
    for row, number in enumerate(wanted):
        values[row, number] += rng.uniform(4, 10)
        if rng.random() < 0.15:
            values[row, rng.integers(0, 29)] += rng.uniform(4, 9)
    values -= np.log(np.exp(values).sum(axis=1, keepdims=True))
    with tempfile.TemporaryDirectory() as scratch:
        path = pathlib.Path(scratch) / "model.arpa"
        with path.open("w") as out:
            out.write(f"\\data\\\nngram 1={len(words) + 3}\nngram 2={len(of_pair)}\n\n\\1-grams:\n")
            out.write("-99\t<s>\t-0.3\n-1.7\t</s>\n-5\t<unk>\n")
            told_of = enumerate(zip(words, p.tolist()))
            out.writelines(f"{math.log10(q):.5f}\t{word}\t{-0.5 * (n in after)}\n" for n, (word, q) in told_of)
            out.write("\n\\2-grams:\n")
            out.writelines(f"{math.log10(q):.5f}\t{words[a]} {words[b]}\n" for (a, b), q in sorted(of_pair.items()))
            out.write("\n\\end\\\n")
        others = peers(python, [values], labels, words, "|", path)
        scorers = Scorers([("lm", read_ngrams(str(path), None), 1.0)], 0.0, UNKNOWN)
    graph = emission_graph(-values.astype(np.float32).astype(float), ("", *labels))
    document = Document(graph, "line", "line", range(graph.nodes))
    listed_words = spelled(((word, 0.0, "") for word in words), "characters")
    lexicon = grammar_of(listed_words, "words", "words", loop="|", around=True, by_word=True)
    decoder = Decoder(lexicon, "_", scorers=scorers)
    text = [words[word] for word in spoken]
    found: dict[str, Any] = {"words": len(words), "n-grams": len(words) + 3 + len(of_pair)}
    for name, request in (
        ("beam 15, 100 states", SearchRequest(beam=15, max_active=100)),
        ("beam 15, 200 states", SearchRequest(beam=15, max_active=200)),
        ("within the default budget", SearchRequest()),
    ):
        (best,), seconds = timed([document], decoder, request)
        assert best.search is not None
        errors = int(distances([(text, best.paths[0].output)]).sum())
        energy = best.paths[0].energy
        found |= {f"{name}: seconds": seconds, f"{name}: energy": energy, f"{name}: word errors": errors}
        found[f"{name}: none is below"] = best.search.bound
    for name, each in others.items():
        found[f"{name}: seconds"] = each["seconds"]
        if "energies" in each:
            found[f"{name}: energy"] = each["energies"][0]
        found[f"{name}: word errors"] = int(distances([(text, each["words"][0])]).sum())
    return found


def prose(
    documents: list[Document], known: list[dict[str, Any]], words: list[str], beam: float, python: str | None
) -> dict[str, Any]:
    """Lines of running text with a lexicon: energies and word errors beside those of flashlight's beam search."""
    begun = time.perf_counter()
    listed = spelled(((word, 0.0, "") for word in words), "characters")
    lexicon = grammar_of(listed, "words", "words", loop=" ", around=True, by_word=True)
    built = time.perf_counter() - begun
    chosen = [(document, about) for document, about in zip(documents, known) if about["kind"] == "prose"]
    lines = [document for document, _ in chosen]
    decoder = Decoder(lexicon, BLANK)
    found, exact_time = timed(lines, decoder, SearchRequest())
    pruned, beam_time = timed(lines, decoder, SearchRequest(beam=beam, max_active=200))
    higher, lower = [], 0
    pairs: dict[str, list[tuple[list[str], list[str]]]] = {"lattice": [], "flashlight": [], "no lexicon": []}
    for result, (_, about) in zip(found, chosen):
        assert result.search is None or result.search.exact
        energy = result.paths[0].energy
        if energy > about["flashlight_energy"] + 1e-9:
            higher.append(about["id"])
        lower += energy < about["flashlight_energy"] - 1e-9
        text = about["text"].replace(".", "").split()  # the lexicon has no full stops
        pairs["lattice"].append((text, result.paths[0].output))
        pairs["flashlight"].append((text, about["flashlight_words"].split()))
        pairs["no lexicon"].append((text, about["greedy"].replace(".", "").split()))
    matrices = [-each.graph.energy.reshape(each.graph.nodes - 1, -1) for each in lines]
    others = peers(python, matrices, list(lines[0].graph.labels[1:]), words, " ")
    texts = [text for text, _ in pairs["lattice"]]
    for name, each in others.items():
        pairs[name] = list(zip(texts, each["words"]))
    total = sum(map(len, texts))
    proven = sum(each.search is not None and each.search.exact for each in pruned)
    right = sum(one.paths[0].energy <= two.paths[0].energy + 1e-9 for one, two in zip(pruned, found))
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
        **{f"{name}, seconds": each["seconds"] for name, each in others.items()},
    }


def main() -> None:
    """Measure, print tables, and a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--beam", type=float, default=12.0)
    parser.add_argument("--peer", metavar="PYTHON")
    given = parser.parse_args()
    documents, known = lines_of(given.folder)
    small, text = word_lists(given.folder)
    found = {
        "losses": losses(documents, known),
        "dictionary": dictionary(documents, known, small),
        "prose": prose(documents, known, text, given.beam, given.peer),
        "language model": language_model(given.folder, given.peer),
    }
    for part, figures in found.items():
        print(part)
        for name, value in figures.items():
            print(f"  {name:45} {value:.4g}" if isinstance(value, float) else f"  {name:45} {value}")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
