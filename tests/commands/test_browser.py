"""Pages in a browser: they draw without a complaint, do what their controls say, and nothing that a label says.

A page counts the frames that it has drawn in `data-drawn` of its body; that is waited for, never the clock.
"""

from __future__ import annotations

import json
import pathlib
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support import ROOT
from support.commands import LECTURE, run, save

import lattice_cli as lattice

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]

CARDS = str(ROOT / "samples" / "cards.slf.gz")
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
#: Where a wait ends that would be in vain, in milliseconds.
PATIENCE = 60_000
Open = Callable[..., Any]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A headless browser with a profile of its own, new and empty."""
    with playwright.sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def drawn(chromium: Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Draws and opens a lattice; at the end the page has asked for nothing and complained about nothing."""
    monkeypatch.chdir(tmp_path)
    page = chromium.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(PATIENCE)
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(dialog.message) or dialog.dismiss())
    page.on("request", lambda request: asked.append(request.url))

    def opened(*arguments: str, command: str = "draw", option: str = "-o") -> Any:
        done = run(command, *arguments, option, "x.html")
        assert done.status == 0, done.err
        url = (tmp_path / "x.html").as_uri()
        page.goto(url)
        if command == "draw":
            page.wait_for_selector("body[data-drawn]")
        assert set(asked) == {url}
        return page

    yield opened
    page.close()
    assert said == []


def after(page: Any, act: Callable[[], Any]) -> None:
    """Do something, and wait until the page has drawn what comes of it."""
    before = page.get_attribute("body", "data-drawn")
    act()
    page.wait_for_function("before => document.body.dataset.drawn !== before", arg=before)


def seen(page: Any, what: str) -> Any:
    return page.evaluate(f"window.lattice.{what}")


def slide(page: Any, to: int) -> None:
    after(page, lambda: page.locator("#threshold").fill(str(to)))


def inked(page: Any) -> int:
    """How many pixels of the drawing are not empty."""
    script = """() => {
        const canvas = document.getElementById("drawing");
        const found = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
        return found.reduce((count, value, at) => count + (at % 4 === 3 && value > 0), 0);
    }"""
    return int(page.evaluate(script))


def test_a_page_opens_and_draws(drawn: Open) -> None:
    page = drawn(LECTURE)
    assert page.inner_text("#title") == "lecture-34"
    assert (seen(page, "visibleArcs()"), seen(page, "arcs()")) == (10, 10)
    assert seen(page, "data()")["arcs"]["energy"] == lattice.read(LECTURE).graph.energy.tolist()
    assert inked(page) > 1000


def test_every_control_has_a_name(drawn: Open) -> None:
    page = drawn(LECTURE)
    for role, names in {
        "button": ["Zoom in", "Zoom out", "Fit", "Read", "Next arc with the word", "Previous arc with the word"],
        "slider": ["posterior ≥"],
        "searchbox": ["Find a word"],
        "radio": ["Show answer 1 as A", "Compare with reference as B"],
    }.items():
        for name in names:
            assert page.get_by_role(role, name=name).count() == 1, name


def test_the_slider_hides_unlikely_arcs(drawn: Open) -> None:
    page = drawn(LECTURE)
    posterior = lattice.forward(lattice.read(LECTURE)).gradient
    marked = {arc for arcs in seen(page, "marked()").values() for arc in arcs}
    slide(page, 50)
    assert seen(page, "visibleArcs()") == len(marked | set((posterior >= 0.1).nonzero()[0].tolist())) == 6
    assert "6 of 10 arcs" in page.inner_text("#shown")
    slide(page, 0)
    assert seen(page, "visibleArcs()") == 10


def test_a_word_is_found(drawn: Open) -> None:
    page = drawn(CARDS)
    graph = lattice.read(CARDS).graph
    wanted = {arc for arc, label in enumerate(graph.olabel.tolist()) if "clubs" in graph.labels[label]}
    after(page, lambda: page.fill("#word", "Clubs"))
    assert set(seen(page, "matches()")) == wanted != set()
    after(page, lambda: page.press("#word", "Enter"))
    first = seen(page, "chosen()")
    assert first in wanted
    assert page.inner_text("#found") == f"1 of {len(wanted)}"
    after(page, lambda: page.click("#next"))
    assert seen(page, "chosen()") in wanted - {first}
    after(page, lambda: page.click("#previous"))
    assert seen(page, "chosen()") == first
    after(page, lambda: page.fill("#word", "nowhere"))
    assert page.inner_text("#found") == "none"


def test_a_click_on_an_arc_shows_its_numbers(drawn: Open) -> None:
    page = drawn(CARDS)
    document = lattice.read(CARDS)
    best = lattice.viterbi(document)[0].arcs
    arc = max(
        best, key=lambda each: document.times[document.graph.dst[each]] - document.times[document.graph.src[each]]
    )
    at = seen(page, f"at({arc})")
    after(page, lambda: page.mouse.click(at["x"], at["y"]))
    assert seen(page, "chosen()") == arc
    rows = page.locator("#facts tr").all_inner_texts()
    facts = dict(row.split("\t") for row in rows)
    label = document.graph.labels[document.graph.olabel[arc]]
    assert (facts["arc"], facts["output"], facts["input"]) == (str(arc), label, label)
    assert float(facts["energy"]) == pytest.approx(float(document.graph.energy[arc]), rel=1e-8)
    for name, column in document.scores.items():
        assert float(facts[name]) == pytest.approx(float(column[arc]), rel=1e-8)
    assert float(facts["posterior"]) == pytest.approx(float(lattice.forward(document).gradient[arc]), rel=1e-5)
    begin, end = facts["time"].removesuffix(" s").split(" – ")
    assert float(begin) == pytest.approx(float(document.times[document.graph.src[arc]]))
    assert float(end) == pytest.approx(float(document.times[document.graph.dst[arc]]))
    assert facts["in answers"].startswith("1, ")


def test_zoom_and_pan(drawn: Open) -> None:
    page = drawn(LECTURE)
    start, place = seen(page, "zoom()"), seen(page, "at(0)")
    after(page, lambda: page.click("#in"))
    assert seen(page, "zoom()") > start
    after(page, lambda: page.click("#fit"))
    assert (seen(page, "zoom()"), seen(page, "at(0)")) == (start, place)
    page.mouse.move(400, 400)
    after(page, lambda: page.mouse.wheel(0, -200))
    assert seen(page, "zoom()") > start
    after(page, lambda: page.press("#drawing", "0"))
    after(page, lambda: page.press("#drawing", "ArrowRight"))
    assert seen(page, "at(0)")["x"] == place["x"] - 80
    after(page, lambda: page.click("#fit"))
    page.mouse.move(400, 600)
    page.mouse.down()
    after(page, lambda: page.mouse.move(430, 620))
    page.mouse.up()
    assert seen(page, "at(0)") == {"x": place["x"] + 30, "y": place["y"] + 20}


def test_answers_are_marked_and_compared(drawn: Open) -> None:
    page = drawn(LECTURE, "-n", "3")
    best = lattice.viterbi(lattice.read(LECTURE), n=3)
    assert seen(page, "marked()") == {"first": best[0].arcs, "second": best[1].arcs}  # 341, and the target
    assert page.locator("#difference ins").all_inner_texts() == ["A", "1"]
    assert page.locator("#difference del").all_inner_texts() == ["B"]
    after(page, lambda: page.get_by_role("radio", name="Show answer 3 as A").check())
    assert seen(page, "marked()")["first"] == best[2].arcs
    assert page.locator("#difference ins").all_inner_texts() == ["A", "9"]
    assert page.locator("#difference del").all_inner_texts() == ["B", "4"]
    after(page, lambda: page.get_by_role("radio", name="Compare with answer 3 as B").check())
    assert page.inner_text("#difference") == "No difference: 3 9"
    after(page, lambda: page.get_by_role("radio", name="Compare with nothing").check())
    assert seen(page, "marked()")["second"] == []


def test_differences_are_those_of_evaluate(drawn: Open) -> None:
    page = drawn(CARDS, "-t", "eight of clubs seven seven")
    found = run(
        "evaluate", CARDS, "-r", save("r.tsv", f"{CARDS}\teight of clubs seven seven"), "--per-record", "--json"
    )
    pairs = json.loads(found.out.splitlines()[0])["pairs"]
    assert page.locator("#difference del").all_inner_texts()[1:] == [r for r, a in pairs if r != a and r is not None]
    assert page.locator("#difference ins").all_inner_texts()[1:] == [a for r, a in pairs if r != a and a is not None]


def test_time_and_steps(drawn: Open) -> None:
    page = drawn(CARDS)
    assert page.input_value("#axis") == "time"
    by_time = seen(page, "at(0)")
    after(page, lambda: page.select_option("#axis", "step"))
    assert seen(page, "at(0)") != by_time
    assert drawn(LECTURE).locator("#axis").is_hidden()


def test_one_of_several_is_chosen(drawn: Open) -> None:
    page = drawn(LECTURE, CARDS)
    after(page, lambda: page.select_option("#lattice", "1"))
    assert seen(page, "arcs()") == lattice.read(CARDS).graph.arcs
    assert page.inner_text("#title").endswith("cards.slf.gz")
    assert drawn(LECTURE).locator("#lattice").is_hidden()


def test_a_hostile_label_does_nothing(drawn: Open) -> None:
    evil = "</script><img src=x onerror=alert(1)>"
    turned = "a\u202eb\u2028"
    arcs = [[0, 1, evil, turned, 0.5], [0, 1, "\"'&lt;", 0.7], [1, 1, evil, 3.0], [1, 0, "back", 3.0]]
    save("x.json", {"lattice": 1, "id": evil, "start": 0, "final": 1, "arcs": arcs, "target": [evil, evil]})
    page = drawn("x.json")
    assert page.locator("img").count() == 0
    at = seen(page, "at(0)")
    after(page, lambda: page.mouse.click(at["x"], at["y"]))
    facts = dict(row.split("\t") for row in page.locator("#facts tr").all_inner_texts())
    assert (facts["input"], facts["output"]) == (evil, "a\\u{202e}b\\u{2028}")
    assert evil in page.inner_text("#difference")
    after(page, lambda: page.fill("#word", "img src"))
    assert seen(page, "matches()") == [0, 2]
    assert page.evaluate("document.title") == evil


def test_what_is_missing_is_said(drawn: Open) -> None:
    save("x.json", {"lattice": 1, "id": "x", "start": 0, "final": 2, "arcs": [[0, 1, "a", 0.5]]})
    page = drawn("x.json")
    assert page.inner_text("#note").startswith("Drawn without a best path: no path")
    assert page.inner_text("#answers").strip() == "There is no path."
    assert page.locator("#threshold").is_disabled()


def test_twenty_thousand_arcs(drawn: Open) -> None:
    arcs = [[step, step + 1, f"w{row}", row / 7] for step in range(400) for row in range(50)]
    save("x.json", {"lattice": 1, "id": "x", "start": 0, "final": 400, "arcs": arcs})
    page = drawn("x.json")
    assert seen(page, "visibleArcs()") == 20_000
    assert inked(page) > 1000
    slide(page, 50)
    assert seen(page, "visibleArcs()") == 400 * sum(lattice.forward(lattice.read("x.json")).gradient[:50] >= 0.1)
    after(page, lambda: page.click("#fit"))
    after(page, lambda: page.fill("#word", "w49"))
    assert len(seen(page, "matches()")) == 400


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_schemes_have_their_colours(drawn: Open, scheme: str) -> None:
    page = drawn(LECTURE)
    if scheme == "dark":
        after(page, lambda: page.emulate_media(color_scheme="dark"))
    light = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert light == (scheme == "light")


def test_a_report_opens(drawn: Open) -> None:
    page = drawn(LECTURE, CARDS, "-r", save("r.tsv", "lecture-34\t34", f"{CARDS}\tseven"), "--reject",
                 command="evaluate", option="--html")  # fmt: skip
    assert page.inner_text("h1") == "Evaluation of 2 records"
    assert page.locator(".records tbody tr").count() == 2
    assert page.locator("polyline").bounding_box()["width"] > 10
