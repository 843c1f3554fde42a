"""Pages for a browser, read without one: whole in themselves, their data exact, and no label of them markup."""

from __future__ import annotations

import base64
import gzip
import hashlib
import html.parser
import json
import pathlib
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from support import ROOT, strategies
from support.commands import CUT, LECTURE, WORDS, run, save

import lattice_cli as lattice
from lattice_cli.analysis import places
from lattice_cli.graph import Graph

CARDS = str(ROOT / "samples" / "cards.slf.gz")
AMOUNT = str(ROOT / "samples" / "amount-check.json")
HOSTILE = ["</script><img src=x onerror=alert(1)>", "\u2028\u2029", "\u202eevil", "\"'><b>&amp;", "]]><!--"]
VOID = {"meta", "input", "link", "br", "img"}


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


class Page(html.parser.HTMLParser):
    """A page taken apart; each element has to end where it should."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text = text
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, list[str]] = {}
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
            self.inside.setdefault(tag, []).append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.inside[self.open[-1]][-1] += data
        self.words.append(data)

    def data(self) -> list[dict[str, Any]]:
        """The lattices that are embedded."""
        scripts = [attributes for tag, attributes in self.tags if tag == "script"]
        embedded = [text for text, has in zip(self.inside["script"], scripts) if has.get("type") == "application/json"]
        return [json.loads(text) for text in embedded]


def drawn(*arguments: str) -> Page:
    done = run("draw", *arguments, "-o", "x.html")
    assert done.status == 0, done.err
    return Page(pathlib.Path("x.html").read_text(encoding="utf-8"))


def require_self_contained(page: Page) -> None:
    assert not re.search(r"https?://|@import|url\(", page.text)
    assert not {"link", "img", "iframe", "object", "base"} & {tag for tag, _ in page.tags}
    assert not [found for _, attributes in page.tags for found in attributes if found in ("src", "href", "style")]
    assert not [found for _, attributes in page.tags for found in attributes if found.startswith("on")]
    (policy,) = [a["content"] for _, a in page.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert policy.startswith("default-src 'none';")
    # All that runs is what the policy names by its hash.
    types = [attributes.get("type") for tag, attributes in page.tags if tag == "script"]
    running = [text for text, kind in zip(page.inside.get("script", []), types) if kind is None]
    for text in [*page.inside["style"], *running]:
        assert base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() in policy
    assert len(running) == policy.count("script-src")


def test_a_page_needs_nothing_but_itself() -> None:
    page = drawn(LECTURE)
    require_self_contained(page)
    assert page.inside["title"] == ["lecture-34"]
    named = [attributes.get("id") for tag, attributes in page.tags if tag in ("button", "input", "select")]
    assert {"in", "out", "fit", "follow", "threshold", "word", "next", "previous", "lattice"} <= set(named)


@pytest.mark.parametrize("name", [LECTURE, CARDS, CUT])
def test_the_data_are_the_numbers_of_the_lattice(name: str) -> None:
    (found,) = drawn(name, "--beta", "0.5").data()
    document = lattice.read(name)
    graph, arcs = document.graph, found["arcs"]
    for column, own in (("from", graph.src), ("to", graph.dst), ("energy", graph.energy), ("output", graph.olabel)):
        assert arcs[column] == own.tolist()
    assert found["labels"][1:] == list(graph.labels[1:])
    assert arcs["posterior"] == lattice.forward(document, beta=0.5).gradient.tolist()
    assert arcs["scores"] == {score: column.tolist() for score, column in document.scores.items()}
    best = lattice.viterbi(document, n=10)
    assert [(each["energy"], each["output"], each["arcs"]) for each in found["paths"]] == [
        (path.energy, path.output, path.arcs) for path in best
    ]
    free = lattice.forward(document, beta=0.5).free_energy
    np.testing.assert_allclose(
        [each["posterior"] for each in found["paths"]], [np.exp(0.5 * (free - path.energy)) for path in best]
    )
    assert found["nodes"]["time"] == (None if document.times is None else document.times.tolist())
    assert {found["nodes"]["lane"][graph.dst[arc]] for arc in best[0].arcs} == {0}


def test_through_a_grammar_the_picture_is_that_of_the_side() -> None:
    (own,) = drawn(CUT, "-g", WORDS).data()
    assert own["arcs"]["energy"] == lattice.read(CUT).graph.energy.tolist()
    assert own["paths"][0]["text"] == "cap"
    np.testing.assert_allclose(own["arcs"]["posterior"][0], 1.0)
    (whole,) = drawn(CUT, "-g", WORDS, "--of", "interpretation").data()
    assert whole["paths"][0]["energy"] == own["paths"][0]["energy"]
    assert len(whole["arcs"]["energy"]) != len(own["arcs"]["energy"])


def test_the_target_is_the_reference() -> None:
    (found,) = drawn(LECTURE).data()
    assert (found["reference"]["wanted"], found["reference"]["errors"]) == (["3", "4"], 0)
    assert found["reference"]["energy"] == pytest.approx(0.7)
    (other,) = drawn(LECTURE, "-t", "3 4 7").data()
    assert (other["reference"]["wanted"], other["reference"]["errors"]) == (["3", "4", "7"], 1)
    assert other["reference"]["text"] == "341"
    (none,) = drawn(CARDS).data()
    assert none["reference"] is None


def test_how_many_answers() -> None:
    assert [len(drawn(CARDS, "-n", count).data()[0]["paths"]) for count in ("1", "4")] == [1, 4]
    answers = [each["text"] for each in drawn(CARDS, "--distinct").data()[0]["paths"]]
    assert len(set(answers)) == len(answers) == 8  # it has no more


def test_no_label_is_markup() -> None:
    arcs = [[0, 1, label, 0.5] for label in HOSTILE]
    save("x.json", {"lattice": 1, "id": HOSTILE[0], "start": 0, "final": 1, "arcs": arcs, "target": HOSTILE[:1]})
    page = drawn("x.json")
    require_self_contained(page)
    assert "<img" not in page.text
    assert not set("\u2028\u2029\u202e") & set(page.text)
    (found,) = page.data()
    assert found["labels"][1:] == HOSTILE
    assert page.inside["title"] == [HOSTILE[0]]


def test_a_lattice_without_paths_or_posteriors_says_so() -> None:
    save("x.json", {"lattice": 1, "id": "x", "start": 0, "final": 2, "arcs": [[0, 1, "a", 0.5]]})
    (found,) = drawn("x.json").data()
    assert found["why"].startswith("no path")
    assert (found["paths"], found["arcs"]["posterior"]) == ([], None)
    save("y.json", {"lattice": 1, "id": "y", "start": 0, "final": 1, "arcs": [[0, 0, "a", 0], [0, 1, "b", 1]]})
    (found,) = drawn("y.json", "-n", "1").data()
    assert found["why"].startswith("the sum over paths diverges")
    assert (found["paths"][0]["posterior"], found["arcs"]["posterior"]) == (None, None)


def test_several_records_are_a_choice() -> None:
    page = drawn(LECTURE, CUT)
    assert [each["id"] for each in page.data()] == ["lecture-34", "lecture-cut"]
    assert page.inside["title"] == ["2 lattices"]
    assert page.inside["option"][:2] == ["lecture-34", "lecture-cut"]


def test_too_many_arcs_are_refused() -> None:
    done = run("draw", LECTURE, "-o", "x.html", "--max-arcs", "9")
    assert done.status == 2
    assert "10 arcs are too many for a page, at most 9; expected fewer (lattice prune --beam NATS)" in done.err
    assert not pathlib.Path("x.html").exists()
    done = run("draw", LECTURE, LECTURE, "-o", "x.html", "--max-arcs", "19")
    assert done.status == 2
    assert "20 arcs are too many for a page" in done.err
    assert not pathlib.Path("x.html").exists()


def test_options_of_pages_are_for_pages() -> None:
    for option in (["-t", "34"], ["-n", "3"], ["--distinct"], ["--max-arcs", "9"]):
        done = run("draw", LECTURE, "--to", "dot", *option)
        assert done.status == 2
        assert "makes no difference to dot, expected --to html" in done.err


def test_a_page_goes_into_a_pipe_or_a_file_and_only_whole() -> None:
    done = run("draw", LECTURE, "--to", "html")
    assert drawn(LECTURE).text == done.out
    pathlib.Path("x.html").unlink()
    save("bad.json", "{")
    assert run("draw", LECTURE, "bad.json", "-o", "x.html").status == 3
    assert run("draw", LECTURE, "-o", "none/x.html").status == 3
    assert not pathlib.Path("x.html").exists()
    assert run("draw", LECTURE, "--jobs", "2", "--to", "html").out == done.out


def bits(column: list[int], one: int, other: int) -> range:
    """What an arc takes of its lane, as node_places has it: gaps between columns are even, columns odd."""
    tail, head = column[one], column[other]
    return range(2 * tail + 2, 2 * head + 1) if tail < head else range(2 * head, 2 * tail + 3)


@given(graph=strategies.graphs(cyclic=True, energies=strategies.moderate_energies))
def test_nothing_is_drawn_upon_anything_else(graph: Graph) -> None:
    where = places(graph, None, np.zeros(graph.arcs))
    column, lane = where.column.tolist(), where.lane.tolist()
    taken = [(row, 2 * at + 1) for row, at in zip(lane, column)]
    for one, other, row in zip(graph.src.tolist(), graph.dst.tolist(), where.arc_lane.tolist()):
        taken += [(row, bit) for bit in bits(column, one, other)]
    assert len(set(taken)) == len(taken)


@given(graph=strategies.graphs(cyclic=False, energies=strategies.moderate_energies))
def test_arcs_lead_to_the_right_and_later(graph: Graph) -> None:
    by_level = places(graph, None, np.zeros(graph.arcs)).column
    assert (by_level[graph.src] < by_level[graph.dst]).all()
    times = by_level // 2 + 0.5
    by_time = places(graph, times, np.zeros(graph.arcs)).column
    assert (by_time[graph.src] < by_time[graph.dst]).all()
    order = np.argsort(by_time, kind="stable")
    assert (np.diff(times[order]) >= 0).all()


def evaluated(*arguments: str) -> tuple[str, Page]:
    done = run("evaluate", *arguments, "--html", "report.html")
    assert done.status == 0, done.err
    return done.out, Page(pathlib.Path("report.html").read_text(encoding="utf-8"))


def test_a_report_beside_the_results() -> None:
    out, page = evaluated(LECTURE, AMOUNT, "--reject")
    assert out == run("evaluate", LECTURE, AMOUNT, "--reject").out
    require_self_contained(page)
    assert page.inside["h1"] == ["Evaluation of 2 records"]
    words = " ".join(page.words)
    for row in re.findall(r"│ (labels|words|records) +│(.*)│\n", out):
        assert all(cell in words for cell in row[1].replace("│", " ").split())
    assert "exact answers: 0 of 2 (0.00 %)" in words
    assert words.count("A") >= 1
    (line,) = [attributes["points"] for tag, attributes in page.tags if tag == "polyline"]
    assert line is not None
    assert len(line.split()) == len(
        json.loads(run("evaluate", LECTURE, AMOUNT, "--reject", "--json").out)["reject"]["points"]
    )
    assert [tag for tag, _ in page.tags].count("del") == 1 + 5  # the legend, and five labels that are others
    assert [tag for tag, _ in page.tags].count("ins") == 1 + 6


def test_a_report_without_errors_has_no_curve_and_no_records() -> None:
    _, page = evaluated(LECTURE, "-r", save("refs.tsv", "lecture-34\t341"))
    assert not {"polyline", "del", "ins"} & {tag for tag, _ in page.tags}


def test_no_label_of_a_report_is_markup() -> None:
    for name, label in enumerate(HOSTILE):
        save(f"{name}.json", {"lattice": 1, "start": 0, "final": 1, "target": ["a"], "arcs": [[0, 1, label, 0.5]]})
    _, page = evaluated(*(f"{name}.json" for name in range(len(HOSTILE))))
    require_self_contained(page)
    assert "<img" not in page.text
    assert not set("\u2028\u2029\u202e") & set(page.text)
    assert HOSTILE[0] in page.words
    assert "\\u202eevil" in page.words


def test_a_report_is_written_whole_or_not_at_all() -> None:
    done = run("evaluate", LECTURE, "--html", "none/report.html")
    assert (done.status, done.out) == (3, "")
    assert "its folder does not exist" in done.err
    save("bad.json", "{")
    assert run("evaluate", LECTURE, "bad.json", "--html", "report.html").status == 3
    assert not pathlib.Path("report.html").exists()


def test_a_lattice_of_many_arcs() -> None:
    arcs = [[step, step + 1, f"w{row}", row / 7] for step in range(400) for row in range(50)]
    pathlib.Path("x.json.gz").write_bytes(
        gzip.compress(json.dumps({"lattice": 1, "id": "x", "start": 0, "final": 400, "arcs": arcs}).encode())
    )
    (found,) = drawn("x.json.gz", "-n", "2").data()
    assert len(found["arcs"]["lane"]) == 20_000
    assert sorted(set(found["arcs"]["lane"])) == list(range(-24, 26))
