"""What the process is told about memory, threads and garbage."""

from __future__ import annotations

import gc
import os
import platform
import subprocess
import sys

import pytest

from lattice_cli.cli.terminal import collect_seldom

pytestmark = pytest.mark.slow

#: Page faults of a process that makes and frees 4 MB again and again.
FAULTS = """
import resource, sys
from lattice_cli.cli.terminal.process import keep_freed_memory
if sys.argv[1] == "kept":
    keep_freed_memory()
import numpy as np
np.ones(500_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(50):
    np.ones(500_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str, **environment: str) -> int:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    done = subprocess.run(
        [sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True, env={**plain, **environment}
    )
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="tells glibc")
def test_freed_memory_is_used_again() -> None:
    by_itself = faults("by itself")
    assert faults("kept") < by_itself / 10
    assert faults("kept", MALLOC_TRIM_THRESHOLD_="131072") > by_itself / 2  # the user has said otherwise


def test_garbage_is_looked_for_seldom() -> None:
    before = gc.get_threshold()
    try:
        gc.set_threshold(700, 10, 10)
        collect_seldom()
        assert gc.get_threshold()[0] > 10_000
        assert gc.isenabled()
    finally:
        gc.set_threshold(*before)


def test_matrix_products_have_one_thread_unless_the_user_says_otherwise() -> None:
    script = (
        "import os\nfrom lattice_cli.cli.main import main\n"
        "try:\n    main(['viterbi', 'samples/lecture-34.json', '--json'])\n"
        "except SystemExit:\n    print(os.environ['OPENBLAS_NUM_THREADS'])"
    )
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    for given, expected in ((None, "1"), ("2", "2")):
        environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
        if given:
            environment["OPENBLAS_NUM_THREADS"] = given
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, cwd=root, env=environment, check=True
        )
        assert done.stdout.splitlines()[-1] == expected
