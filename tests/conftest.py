"""What every test file shares: the Hypothesis profile, and where the golden files of the project lie."""

from __future__ import annotations

import pathlib

import pytest
from hypothesis import HealthCheck, settings
from support import SHARED

settings.register_profile(
    "lattice",
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
settings.load_profile("lattice")


@pytest.fixture
def shared() -> pathlib.Path:
    """The directory of golden numbers and example files; the test is skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is absent")
    return SHARED


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What reads ../shared is real data, and slow."""
    for item in items:
        if item.get_closest_marker("shared") or "shared" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)
