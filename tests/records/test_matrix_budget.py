"""An exact search that its budget of states ends: the best answer found, a bound on what was missed, and a note."""

from __future__ import annotations

import pytest
from support import ROOT
from support.commands import records, run

LINE = [
    "viterbi",
    str(ROOT / "samples/ctc-line.npy"),
    "--labels",
    str(ROOT / "samples/ctc-line.labels.txt"),
    "--logp",
    "--ctc",
    "<blank>",
    "--lm",
    str(ROOT / "grammars/moves.arpa"),
]


@pytest.mark.parametrize("more", [[], ["-n", "2", "--distinct"]])
def test_what_a_budget_leaves_is_said_and_is_a_bound(more: list[str]) -> None:
    proven = run(*LINE, *more, "--json")
    cut = run(*LINE, *more, "--json", "--max-states", "100")
    (whole,), (part,) = records(proven.out), records(cut.out)
    best = whole["paths"][0]["energy"]
    assert whole["search"]["exact"] is True
    assert "states" not in proven.err
    assert part["search"]["exact"] is False
    assert part["search"]["bound"] <= best <= part["paths"][0]["energy"]
    assert "100 states were not enough to prove that nothing was missed" in cut.err
    assert cut.status == 0


def test_a_budget_is_for_exact_searches() -> None:
    done = run(*LINE, "--beam", "10", "--max-states", "100")
    assert done.status == 2
    assert "--max-states is that of an exact search" in done.err
