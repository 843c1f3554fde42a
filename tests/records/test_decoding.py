"""viterbi and forward of emission matrices: row by row the same numbers as by composing, and what the options add."""

from __future__ import annotations

import contextlib
import functools
import io
import itertools
import json
import pathlib
import pickle

import numpy as np
import pytest
from support import ROOT
from support.grammar_oracle import read_model, sentence_energy

from lattice_cli.cli.main import main
from lattice_cli.errors import NoPath
from lattice_cli.grammars import grammar_of, spelled
from lattice_cli.graph import Document, Graph, emission_graph
from lattice_cli.records import Decoder, Decoding, SearchRequest, decode, forward, interpretations
from lattice_cli.records import matrix_search as rowwise

LINE = str(ROOT / "samples" / "ctc-line.npy")
CHARACTERS = str(ROOT / "samples" / "ctc-line.labels.txt")
CTC = [LINE, "--labels", CHARACTERS, "--logp", "--ctc", "<blank>"]
LABELS = ("", "_", " ", "a", "b", "c", "t")
WORDS = ["a", "at", "cat", "cab", "tab", "act", "bat"]


def lattice(*arguments: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as done:
        main(list(arguments))
    assert isinstance(done.value.code, int)
    return done.value.code, out.getvalue(), err.getvalue()


def matrix(seed: int, steps: int = 14, spread: float = 2.0) -> Document:
    rng = np.random.default_rng(seed)
    scores = spread * rng.standard_normal((steps, len(LABELS) - 1))
    logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    graph = emission_graph(-logs, LABELS)
    return Document(graph, f"line-{seed}", "test", range(graph.nodes))


def lexicon(by_word: bool = True, loop: str | None = " ", around: bool = False, energies: float = 0.0) -> Document:
    words = spelled(((word, energies * place, "test") for place, word in enumerate(WORDS)), "characters")
    return grammar_of(words, "words", "words", loop=loop, around=around, by_word=by_word)


GRAMMARS = [
    pytest.param(lexicon(), id="words"),
    pytest.param(lexicon(by_word=False), id="spelling"),
    pytest.param(lexicon(around=True), id="around"),
    pytest.param(lexicon(by_word=False, around=True), id="spelling, around"),
    pytest.param(lexicon(loop=""), id="nothing between"),
    pytest.param(lexicon(energies=-0.5), id="negative energies"),
    pytest.param(None, id="no grammar"),
]


@pytest.fixture
def _always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small products too are searched row by row."""
    monkeypatch.setattr(rowwise, "_SMALL", -1)


@pytest.mark.usefixtures("_always")
@pytest.mark.parametrize("grammar", GRAMMARS)
@pytest.mark.parametrize("ctc", [None, "_"])
@pytest.mark.parametrize(("n", "distinct"), [(1, False), (5, False), (5, True)])
def test_row_by_row_is_the_composition(grammar: Document | None, ctc: str | None, n: int, distinct: bool) -> None:
    if grammar is None and ctc is None:
        return
    documents = [matrix(seed, steps) for seed, steps in enumerate((14, 9, 14, 2))]
    asked = SearchRequest(n, distinct)
    found = decode(documents, Decoder(grammar, ctc), asked)
    composed = decode(documents, Decoder(grammar, ctc), asked, of="interpretation")
    for one, other in zip(found, composed):
        if isinstance(other, NoPath):
            assert isinstance(one, NoPath)
            continue
        assert isinstance(one, Decoding)
        assert one.search is not None
        assert one.search.exact
        assert [path.energy for path in one.paths] == pytest.approx([path.energy for path in other.paths])
        for mine, theirs in zip(one.paths, other.paths):
            assert mine.output == theirs.output
            assert mine.input == theirs.input
            assert mine.nodes == list(range(len(mine.input) + 1))


@pytest.mark.usefixtures("_always")
@pytest.mark.parametrize("of", ["recognition", "grammar"])
def test_each_side_of_a_path(of: str) -> None:
    document, grammar = matrix(3), lexicon(energies=0.25)
    (found,) = decode([document], Decoder(grammar, "_"), SearchRequest(n=3), of=of)
    (composed,) = interpretations([document], Decoder(grammar, "_"))
    assert isinstance(found, Decoding)
    from lattice_cli.records.decoding import decoded
    from lattice_cli.search import n_best

    for one, other in zip(found.paths, decoded(composed, n_best(composed.graph, 3), of)):
        assert one.arcs == other.arcs
        assert one.nodes == other.nodes


@pytest.mark.parametrize("grammar", GRAMMARS)
@pytest.mark.parametrize("ctc", [None, "_"])
@pytest.mark.parametrize("of", ["recognition", "grammar"])
def test_forward_without_the_product(
    monkeypatch: pytest.MonkeyPatch, grammar: Document | None, ctc: str | None, of: str
) -> None:
    if grammar is None and (ctc is None or of == "grammar"):
        return
    documents = [matrix(seed, steps) for seed, steps in enumerate((14, 9, 2))]
    composed = forward(documents, [0.5, 2.0], Decoder(grammar, ctc), arcs=True, of=of)
    monkeypatch.setattr(rowwise, "_SMALL", -1)
    monkeypatch.setattr("lattice_cli.records.posteriors.LARGE", -1)
    monkeypatch.setattr("lattice_cli.emissions.product_sweep._ALL_ALPHAS", 10)
    found = forward(documents, [0.5, 2.0], Decoder(grammar, ctc), arcs=True, of=of)
    for one, other in zip(found, composed):
        assert isinstance(one, NoPath) == isinstance(other, NoPath)
        if isinstance(one, NoPath) or isinstance(other, NoPath):
            continue
        for mine, theirs in zip(one, other):
            for name in ("beta", "free_energy", "best_energy", "expected_energy", "entropy", "variance"):
                expected = getattr(theirs.statistics, name)
                assert getattr(mine.statistics, name) == pytest.approx(expected, rel=1e-9, abs=1e-9), name
            assert mine.gradient is not None
            np.testing.assert_allclose(mine.gradient, theirs.gradient, atol=1e-12)


@pytest.mark.usefixtures("_always")
def test_a_beam_tells_what_it_may_have_lost() -> None:
    documents, grammar = [matrix(seed, 16, 1.0) for seed in range(20)], lexicon(energies=0.3)
    exact = decode(documents, Decoder(grammar, "_"))
    narrow = decode(documents, Decoder(grammar, "_"), SearchRequest(max_active=2))
    wide = decode(documents, Decoder(grammar, "_"), SearchRequest(beam=1e6))
    lost = none = 0
    for best, some, all_of in zip(exact, narrow, wide):
        assert isinstance(best, Decoding)
        assert isinstance(all_of, Decoding)
        assert all_of.search is not None
        assert all_of.search.exact
        assert all_of.paths[0].energy == pytest.approx(best.paths[0].energy)
        if isinstance(some, NoPath):
            assert "more active states" in str(some)
            told = pickle.loads(pickle.dumps(some)).told["search"]  # with --jobs it comes from another process
            assert told["exact"] is False
            assert told["bound"] <= best.paths[0].energy + 1e-9
            none += 1
            continue
        assert some.search is not None
        assert some.search.bound <= best.paths[0].energy + 1e-9
        assert some.paths[0].energy >= best.paths[0].energy - 1e-9
        assert not some.search.exact or some.paths[0].energy == pytest.approx(best.paths[0].energy)
        lost += some.paths[0].energy > best.paths[0].energy + 1e-9
    assert lost  # else nothing was tested
    assert none


def test_limits_are_told_of_what_is_composed_too(tmp_path: pathlib.Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("34\n341\n")
    graph = str(ROOT / "samples" / "lecture-34.json")
    _, plain, _ = lattice("viterbi", graph, "-g", str(words), "--json")
    assert "search" not in json.loads(plain)
    for limit in (["--beam", "3"], ["--max-active", "2"]):
        _, out, _ = lattice("viterbi", graph, "-g", str(words), "--json", *limit)
        record = json.loads(out)
        assert record["paths"] == json.loads(plain)["paths"]
        search = record["search"]
        assert (search["exact"], search["bound"]) == (True, record["paths"][0]["energy"])


def test_what_a_beam_lost_is_told_of_a_record_without_a_path(tmp_path: pathlib.Path) -> None:
    """The one state that is followed is of a word that is too short."""
    rows = [[0.0, 0.5]] * 60
    matrix_file, words = tmp_path / "matrix.json", tmp_path / "words.txt"
    matrix_file.write_text(json.dumps({"lattice": 1, "labels": ["a", "b"], "emissions": rows}))
    words.write_text("aa\n" + "b" * 60 + "\n")
    status, out, _ = lattice("viterbi", str(matrix_file), "-g", str(words), "--json", "--max-active", "1")
    assert status == 1
    record = json.loads(out)
    assert record["status"] == "no-path"
    assert (record["search"]["exact"], record["search"]["widest"]) == (False, 1)
    assert record["search"]["bound"] <= 30.0
    words.write_text("aa\n")
    _, out, _ = lattice("viterbi", str(matrix_file), "-g", str(words), "--json", "--max-active", "1")
    assert "search" not in json.loads(out)  # nothing was lost: there is none


def _cyclic_grammar(tmp_path: pathlib.Path, energy: float) -> list[str]:
    """A record without cycles, and a grammar that may go round t, u, v without taking an input."""
    round_it = [["t", "u", None, energy], ["u", "v", None, 0.0], ["v", "t", None, 0.0]]
    arcs = [["s", "t", "a", 0.0], *round_it, ["t", "s", "b", 0.0]]
    record, grammar = tmp_path / "record.json", tmp_path / "grammar.json"
    grammar.write_text(json.dumps({"lattice": 1, "start": "s", "final": "s", "arcs": arcs}))
    record.write_text(json.dumps({"lattice": 1, "start": 0, "final": 2, "arcs": [[0, 1, "a", 1.0], [1, 2, "b", 0.5]]}))
    return [str(record), "-g", str(grammar)]


def test_why_there_are_no_confidences_of_labels(tmp_path: pathlib.Path) -> None:
    arguments = _cyclic_grammar(tmp_path, 0.7)
    _, out, _ = lattice("viterbi", *arguments, "--confidence", "--json")
    record = json.loads(out)
    assert record["confidence"] == pytest.approx(1.0)
    assert [word["confidence"] for word in record["paths"][0]["words"]] == [None, None]
    (note,) = record["notes"]
    assert f"cycle (nodes t, u, v of {tmp_path}/grammar.json" in note
    _, out, _ = lattice("viterbi", *arguments, "--confidence")
    assert note in out
    status, _, err = lattice("viterbi", *arguments, "--mbr")
    assert status == 2
    assert f"cycle (nodes t, u, v of {tmp_path}/grammar.json" in err


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("energy", [0.0, -1.0])
def test_a_cycle_of_the_grammar_is_named_by_its_nodes_there(energy: float, jobs: str, tmp_path: pathlib.Path) -> None:
    """By every command alike; the record has no cycle that could be at fault."""
    arguments = [*_cyclic_grammar(tmp_path, energy), "--jobs", jobs]
    commands = [["forward"], ["viterbi", "--confidence"], ["loss", "-t", "ab", "--loss", "nll"]]
    for command in [*commands, ["viterbi"]] if energy < 0 else commands:
        status, _, err = lattice(*command, *arguments)
        assert status == 4
        assert f"(nodes t, u, v of {tmp_path}/grammar.json" in err


@pytest.mark.usefixtures("_always")
def test_posteriors_of_a_matrix_reach_far_enough() -> None:
    """Confidences by paths within 20 nats are those of all paths."""
    document, grammar = matrix(5), lexicon()
    whole = next(interpretations([document], Decoder(grammar, "_")))
    near = next(interpretations([document], Decoder(grammar, "_"), SearchRequest(words=True)))
    assert near.search is not None
    assert near.graph.arcs < whole.graph.arcs
    from lattice_cli.search import MinimumRisk, best_paths

    path = best_paths(whole.graph)[0]
    assert path is not None
    answer = tuple(label for label in whole.graph.olabel[list(path.arcs)].tolist() if label)
    names = whole.graph.words(answer)
    index = {label: place for place, label in enumerate(near.graph.labels) if place}
    mine = MinimumRisk(near.graph, 1.0).places([index[name] for name in names])
    assert mine.confidences == pytest.approx(MinimumRisk(whole.graph, 1.0).places(answer).confidences, abs=1e-4)


def test_words_and_where_they_are(tmp_path: pathlib.Path) -> None:
    document = tmp_path / "x.json"
    rows = ["_", "c", "c", "_", "a", "t", "t", " ", "_", "a", "_", " ", "b", "a", "a", "t"]
    energies = [[0.0 if label == said else 9.0 for label in LABELS[1:]] for said in rows]
    document.write_text(json.dumps({"lattice": 1, "labels": LABELS[1:], "emissions": energies}))
    words = tmp_path / "words.yaml"
    words.write_text("lattice: 1\nwords: [a, at, cat, bat]\nloop: ' '\noutput: words\n")
    arguments = ["viterbi", str(document), "--ctc", "_", "-g", str(words), "--confidence", "--json"]
    status, out, _ = lattice(*arguments)
    assert status == 0
    record = json.loads(out)
    path = record["paths"][0]
    assert [(word["word"], word["begin"], word["end"]) for word in path["words"]] == [
        ("cat", 1, 7),
        ("a", 9, 10),
        ("bat", 12, 16),
    ]
    assert all(0.9 < word["confidence"] <= 1 for word in path["words"])
    assert 0.9 < record["confidence"] <= 1
    record = json.loads(lattice(*arguments, "--row-time", "0.02")[1])
    assert record["paths"][0]["words"][0]["end"] == pytest.approx(0.14)
    _, out, _ = lattice(*arguments[:-1])
    assert "confidence" in out
    assert "bat" in out
    # Outputs at the first label of a word, as other systems make them.
    first = Graph(
        [0, 1, 2, 0],
        [1, 2, 3, 3],
        [5, 3, 6, 3],
        [7, 0, 0, 0],
        [0.0] * 4,
        [0, np.inf, np.inf, np.inf],
        [np.inf, np.inf, np.inf, 0],
        (*LABELS, "cat"),
    )
    short = emission_graph(np.array(energies[:7]), LABELS)
    grammar = Document(first, "g", "g", range(4))
    (found,) = decode(
        [Document(short, "x", "x", range(8), rows=True)], Decoder(grammar, "_"), SearchRequest(words=True)
    )
    assert isinstance(found, Decoding)
    assert found.paths[0].words is not None
    assert [(word.label, word.begin, word.end) for word in found.paths[0].words] == [("cat", 1, 7)]


MODEL = """\\data\\
ngram 1=9
ngram 2=3

\\1-grams:
-1.0 <s> -0.3
-1.0 </s>
-0.5 a -0.2
-1.5 at
-0.9 cat -0.4
-1.1 cab
-1.2 tab
-1.3 act
-2.0 bat

\\2-grams:
-0.2 <s> bat
-0.1 a cab
-0.3 cat </s>

\\end\\
"""


@functools.cache
def judged_one_by_one(seed: int) -> list[tuple[float, list[str]]]:
    """Every sentence of up to three words that a matrix can be, by its own grammar and the model, the best first."""
    grams, order = read_model(MODEL)
    document = matrix(seed, 8)
    judged = []
    for words in (words for count in (1, 2, 3) for words in itertools.product(WORDS, repeat=count)):
        (text,) = spelled([(" ".join(words), 0.0, "test")], "characters")
        (own,) = decode([document], Decoder(grammar_of([text], "x", "x"), "_"))
        if isinstance(own, NoPath):
            continue
        energy = own.paths[0].energy + 1.5 * sentence_energy(words, grams, order) - 0.75 * len(words)
        judged.append((energy - 0.5 * words.count("bat"), list(words)))
    return sorted(judged)


@pytest.mark.slow
@pytest.mark.parametrize("small", [-1, 10**9])
def test_a_language_model_on_top(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path, small: int) -> None:
    """Against every sentence of up to three words, each scored by its own grammar and by the model."""
    from lattice_cli.formats.notations.arpa import arpa_model
    from lattice_cli.grammars import Scorers

    model = arpa_model(MODEL, "model")
    every = [judged_one_by_one(seed) for seed in range(4)]
    monkeypatch.setattr(rowwise, "_SMALL", small)
    for seed, judged in enumerate(every):
        scorers = Scorers([("lm", model, 1.5)], -0.75, (), {"bat": 0.5})
        decoder = Decoder(lexicon(), "_", scorers=scorers)
        document = matrix(seed, 8)
        (found,) = decode([document], decoder, SearchRequest(n=4, distinct=True))
        assert isinstance(found, Decoding)
        assert [path.energy for path in found.paths] == pytest.approx([energy for energy, _ in judged[:4]])
        assert [path.output for path in found.paths] == [words for _, words in judged[:4]]
        (single,) = decode([document], Decoder(lexicon(), "_", scorers=scorers))
        assert isinstance(single, Decoding)
        assert single.paths[0].energy == pytest.approx(judged[0][0])


def test_an_alphabet_of_thousands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels in pairs would be millions of arcs: the best path, n best and sums do without, with the same numbers."""
    documents = [matrix(seed, steps) for seed, steps in enumerate((14, 9, 14))]
    asked = [SearchRequest(), SearchRequest(n=3, distinct=True)]
    expected = [decode(documents, Decoder(None, "_"), each, of="interpretation") for each in asked]
    sums = forward(documents, [1.0], Decoder(None, "_"), arcs=True)
    monkeypatch.setattr(rowwise, "_SMALL", -1)
    monkeypatch.setattr(rowwise, "PAIRED_LABELS", 2)
    monkeypatch.setattr("lattice_cli.records.decoder.PAIRED_LABELS", 2)
    for each, others in zip(asked, expected):
        for one, other in zip(decode(documents, Decoder(None, "_"), each), others):
            assert isinstance(one, Decoding)
            assert isinstance(other, Decoding)
            assert [path.energy for path in one.paths] == pytest.approx([path.energy for path in other.paths])
            assert [path.output for path in one.paths] == [path.output for path in other.paths]
    for document, views in zip(documents, sums):
        assert isinstance(views, list)
        rows = -document.graph.energy.reshape(-1, len(LABELS) - 1)
        assert views[0].statistics.free_energy == pytest.approx(-np.log(np.exp(rows).sum(axis=1)).sum(), abs=1e-12)
        np.testing.assert_allclose(views[0].gradient, np.exp(rows).ravel(), atol=1e-12)


@pytest.mark.slow
@pytest.mark.usefixtures("_always")
def test_a_gain_that_a_bound_must_not_cut_off() -> None:
    """What a hot word gains is known before the word is asked for."""
    from lattice_cli.grammars import Scorers

    for seed in range(12):
        document = matrix(seed, 10, 1.5)
        for word in WORDS:
            scorers = Scorers(hot={word: 6.0})
            listed = decode([document], Decoder(lexicon(), "_"), SearchRequest(n=60, distinct=True))[0]
            assert isinstance(listed, Decoding)
            decoder = Decoder(lexicon(), "_", scorers=scorers)
            (best,) = decode([document], decoder)
            (few,) = decode([document], decoder, SearchRequest(n=3, distinct=True))
            assert isinstance(best, Decoding)
            assert isinstance(few, Decoding)
            gained = min(path.energy - 6.0 * path.output.count(word) for path in listed.paths)
            assert best.paths[0].energy <= gained + 1e-9
            assert few.paths[0].energy == pytest.approx(best.paths[0].energy)
            plain = [path for path in listed.paths if path.output == best.paths[0].output]
            for path in plain:
                assert best.paths[0].energy == pytest.approx(path.energy - 6.0 * path.output.count(word))


def test_hot_words_without_a_lexicon() -> None:
    _, plain, _ = lattice("viterbi", *CTC, "--json")
    _, hot, _ = lattice("viterbi", *CTC, "--json", "--hot", "uncomfortably=5")
    assert "".join(json.loads(plain)["paths"][0]["output"]) == "ncomfortably"
    record = json.loads(hot)["paths"][0]
    assert "".join(record["output"]) == "uncomfortably"
    assert record["energy"] == pytest.approx(5.773182 - 5, abs=1e-6)


@pytest.mark.parametrize("command", ["viterbi", "forward", "compose"])
def test_a_record_without_the_blank_is_not_ctc(command: str, tmp_path: pathlib.Path) -> None:
    """It is that record's fault: the others go on."""
    records = [
        {"lattice": 1, "id": name, "labels": ["a", name], "emissions": [[1.0, 2.0], [0.5, 3.0]]} for name in "_b_"
    ]
    graphs = tmp_path / "three.jsonl"
    graphs.write_text("".join(json.dumps(record) + "\n" for record in records))
    words = tmp_path / "words.txt"
    words.write_text("a\n")
    grammar = [str(words)] if command == "compose" else ["-g", str(words), "--json"]
    status, out, err = lattice(command, str(graphs), *grammar, "--ctc", "_", "--keep-going")
    assert status == 2
    assert "three.jsonl:2" in err or "b: " in err
    assert "no label is the CTC blank '_'; labels begin 'a', 'b'" in err
    found = [json.loads(line) for line in out.splitlines()]
    assert len([each for each in found if each.get("status") != "usage"]) == 2
    assert [each["id"] for each in found if each.get("status") == "usage"] == ["b"] * (command != "compose")


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_hot_words_that_no_answer_can_have_are_passed_over(jobs: str, tmp_path: pathlib.Path) -> None:
    records = [{"lattice": 1, "id": name, "start": 0, "final": 1, "arcs": [[0, 1, name, 1.0]]} for name in "abc"]
    graphs = tmp_path / "three.jsonl"
    graphs.write_text("".join(json.dumps(record) + "\n" for record in records))
    hot = ["--hot", "b=0.5", "--hot", "häßlich=1", "--hot", "xyz=1"]
    status, out, err = lattice("viterbi", str(graphs), "--json", "--jobs", jobs, *hot)
    assert status == 0
    assert [json.loads(line)["paths"][0]["energy"] for line in out.splitlines()] == [1.0, 0.5, 1.0]
    (line,) = err.splitlines()  # one record can say b, so that is not told
    assert line.endswith("hot words, as labels or spelled: 'häßlich', 'xyz'")
    _, plain, _ = lattice("viterbi", *CTC, "--json")
    status, out, err = lattice("viterbi", *CTC, "--json", "--hot", "häßlich=1")
    assert (status, out) == (0, plain)
    assert err.count("\n") == 1


def test_least_edit_distance_on_the_command_line() -> None:
    status, out, _ = lattice("viterbi", str(ROOT / "samples" / "lecture-34.json"), "--mbr", "--json")
    assert status == 0
    (path,) = json.loads(out)["paths"]
    assert path["output"] == ["3", "4"]
    assert path["expected_errors"] == pytest.approx(0.9368805379371874)
    assert path["exact"] is True
    assert path["energy"] == pytest.approx(0.7)
    cards = str(ROOT / "samples" / "cards.slf.gz")
    _, out, _ = lattice("viterbi", cards, "--mbr", "--confidence", "--beta", "0.05", "--json")
    (path,) = json.loads(out)["paths"]
    assert path["output"] == ["seven", "of", "clubs"]
    assert path["exact"] is False
    assert [word["begin"] for word in path["words"]] == [0.07, 0.57, 0.7]


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--mbr", "-n", "2"], 2, "--mbr gives one answer"),
        (["--hot", "word"], 2, "WORD=NATS"),
        (["--hot", "word=nan"], 2, "finite"),
        (["--lm-scale", "2"], 2, "needs a language model"),
        (["--lm", "nowhere.arpa"], 3, "nowhere.arpa"),
        (["--beam", "-1"], 2, "beam"),
        (["--beam", "nan"], 2, "nan is not a number"),
        (["--row-time", "nan", "--confidence"], 2, "nan is not a number"),
        (["--max-active", "0"], 2, "max-active"),
    ],
)
def test_what_is_refused(arguments: list[str], status: int, message: str) -> None:
    found, _, err = lattice("viterbi", *CTC, *arguments)
    assert found == status
    assert message in err
    assert "Traceback" not in err


def test_a_matrix_that_is_too_short(tmp_path: pathlib.Path) -> None:
    words = tmp_path / "long.txt"
    words.write_text("a" * 60 + "\n" + "ab" * 30 + "\n")
    status, _, err = lattice("viterbi", *CTC, "-g", str(words))
    assert status == 1
    assert "40 rows" in err
    assert "60" in err
    status, _, err = lattice("viterbi", *CTC, "-g", str(words), "--json")
    assert status == 1


@pytest.mark.parametrize("name", ["goforward.gram", "goforward.fsg", "turtle.lm", "tidigits.dic", "100.lm.gz"])
def test_grammars_of_other_systems_are_read_as_they_are(
    shared: pathlib.Path, tmp_path: pathlib.Path, name: str
) -> None:
    path = str(shared / "data" / "lexica" / name)
    kinds = {"gram": "jsgf", "fsg": "fsg", "lm": "arpa", "dic": "dict"}
    built, read = tmp_path / "built.json", tmp_path / "read.json"
    assert lattice("grammar", kinds[name.removesuffix(".gz").rsplit(".")[-1]], path, "-o", str(built))[0] == 0
    assert lattice("convert", path, str(read))[0] == 0
    assert json.loads(built.read_text())["arcs"] == json.loads(read.read_text())["arcs"]
