"""Whatever a command is given, it ends with a message and a status of its own, and soon."""

from __future__ import annotations

import os
from collections import Counter

import pytest

from lattice_cli.formats import registry

from .cases import Cases, commands
from .running import faults, judged
from .seeds import seeds

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="commands are run in processes that are forked"),
]
#: Other seeds and more cases are for longer runs: FUZZ_SEED=7 FUZZ_CASES=100000.
SEED, CASES = int(os.environ.get("FUZZ_SEED", "0")), int(os.environ.get("FUZZ_CASES", "4000"))
#: Parts, so that they go side by side.
PARTS = 4


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Cases:
    return Cases(seeds(tmp_path_factory.mktemp("seeds")))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of forking: nothing else runs in this process
@pytest.mark.parametrize("part", range(PARTS))
def test_damaged_files_are_told(cases: Cases, part: int) -> None:
    counts: Counter[str] = Counter()
    numbers = [(SEED, number) for number in range(part, CASES, PARTS)]
    found = [str(fault) for fault in faults(cases, numbers, counts)]
    assert not found, "\n".join(found)
    assert counts.total() == len(numbers)


def test_every_command_and_every_form_takes_part(cases: Cases) -> None:
    drawn = [cases.case(SEED, number) for number in range(1000)]
    assert {case.arguments[0] for case in drawn} == {names[0] for names in commands()}
    endings = {name.rpartition(".")[2] for case in drawn for name in case.files}
    for form in registry.FORMATS.values():
        assert not form.endings or {ending.rpartition(".")[2] for ending in form.endings} & endings, form.name


def test_a_case_is_the_same_every_time(cases: Cases) -> None:
    assert all(cases.case(3, number) == cases.case(3, number) for number in range(50))


def test_what_is_wrong_is_seen() -> None:
    assert judged(70, "", "", []) == "status 70"
    assert judged(3, "", "", []) == "status 3 without a word"
    assert judged(3, "", "lattice: x: is empty", []) == ""
    assert judged(0, '{"energy": NaN}\n', "", ["--json"]) == "a line that is no JSON: NaN"
    assert judged(0, '{"energy": 1}\n', "x.py:1: RuntimeWarning: overflow", ["--json"]) == "Warning:"
