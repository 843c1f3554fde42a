"""What tests share: oracles, strategies, data, and commands in real processes."""

from __future__ import annotations

import pathlib

#: The checkout.
ROOT = pathlib.Path(__file__).resolve().parents[2]
#: Golden numbers and example files beside it, which may be absent.
SHARED = ROOT.parent / "shared"
