"""How many threads matrices are multiplied with."""

from __future__ import annotations

import os
import sys


def one_thread() -> None:
    """One thread for numpy's matrix products, unless the user has said how many; to be called before numpy is loaded.

    Starting the threads is a third of the time that numpy takes to load, and few commands multiply matrices at all.
    Batches of training are small: on two cores that others use as well, two threads wait for each other and are five
    to ten times slower than one.
    """
    if "numpy" not in sys.modules:
        for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ.setdefault(name, "1")
