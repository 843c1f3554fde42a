"""What the numbers of an emission matrix are: energies, log-probabilities, probabilities, logits; and what they look
like.

The first rows tell: probabilities add up to 1, and so do exp x of log-probabilities and exp -x of their energies.
"""

from __future__ import annotations

import math

import numpy as np

from lattice_cli.arrays import FloatArray
from lattice_cli.errors import FormatError

ENERGIES = "energies"
#: Unit -> (what one of its numbers is called, the option that says it).
UNITS = {
    ENERGIES: ("energy", "no option for units"),
    "logp": ("log-probability", "--logp"),
    "log10": ("log-probability to base 10", "--log10"),
    "prob": ("probability", "--prob"),
    "logits": ("logit", "--logits"),
}
_ROWS = 8
#: Sums of probabilities differ from 1 by what float16 and a few printed digits leave.
_NEAR = 0.01


def energies_of(matrix: FloatArray, units: str, source: str) -> FloatArray:
    """(T, C) energies in nats of a matrix in `units`; +inf where a probability is 0.

    Logits become -log softmax of their row. Raises FormatError for a number that cannot be one of these.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        if units == "prob":
            _require(matrix >= 0, matrix, units, source)
            _require(matrix <= 1 + _NEAR, matrix, units, source)
            energies: FloatArray = 0.0 - np.log(matrix)
        elif units == "logits":
            best = matrix.max(axis=1, keepdims=True, initial=-np.inf)
            energies = best + np.log(np.exp(matrix - best).sum(axis=1, keepdims=True)) - matrix
        elif units == "log10":
            energies = -matrix * math.log(10.0)
        else:
            energies = -matrix if units == "logp" else matrix
    _require(~(np.isnan(energies) | np.isneginf(energies)), matrix, units, source)
    return energies


def _require(sound: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], matrix: FloatArray, units: str, at: str) -> None:
    """Raises FormatError for the first number that is not sound."""
    if not sound.all():
        row, column = np.argwhere(~sound)[0].tolist()
        what = f"{'number from 0 to 1, a' if units == 'prob' else 'finite'} {UNITS[units][0]}"
        raise FormatError(f"{at}: row {row}, column {column} is {matrix[row, column]}, expected a {what}")


def doubt(matrix: FloatArray, units: str) -> str:
    """What the first rows of a (T, C) matrix look like, and the option that fits, if that is not `units`; "" if it is.

    Numbers that add up to nothing in particular are taken as they are said to be, but for logits: of a network's scores
    the largest of a row stands out, of energies the smallest.
    """
    rows = matrix[:_ROWS]
    if matrix.shape[1] < 2 or not len(rows) or np.isnan(rows).any():
        return ""
    fitting = _fitting(rows, units)
    if units in fitting or (units == "logits" and fitting in ([], ["logp"])):
        return ""
    reads = f"read as {_plural(units)}, but"
    if fitting:
        return f"{reads} the rows look like {_plural(fitting[0])}: {_sums(fitting[0])} 1; {_advice(fitting[0], units)}"
    columns = matrix[:, :_ROWS].T
    if len(columns[0]) > 1 and (across := _fitting(columns, units)):
        sums = _sums(across[0])
        return f"{reads} the columns look like {_plural(across[0])}, not the rows: {sums} 1; is it transposed?"
    return _unnormalised(rows, units, reads)


def _plural(units: str) -> str:
    name = UNITS[units][0]
    return "energies" if units == ENERGIES else name.replace("probability", "probabilities").replace("logit", "logits")


def _advice(fitting: str, units: str) -> str:
    return f"leave {UNITS[units][1]} out" if fitting == ENERGIES else f"{UNITS[fitting][1]} reads them so"


def _sums(units: str) -> str:
    """What adds up to 1."""
    return {ENERGIES: "exp(-x) adds up to", "prob": "they add up to"}.get(
        units, f"{'10^x' if units == 'log10' else 'exp(x)'} adds up to"
    )


def _fitting(rows: FloatArray, units: str) -> list[str]:
    """The units in which every row is a distribution.

    One or two rows of plain energies may add up to 1 by chance: to be probabilities there have to be more.
    """
    found = []
    with np.errstate(over="ignore"):
        parts = {"logp": np.exp(rows), "log10": np.power(10.0, rows), ENERGIES: np.exp(-rows), "prob": rows}
    for name, part in parts.items():
        if (part >= 0).all() and (np.abs(part.sum(axis=1) - 1.0) < _NEAR).all():
            found.append(name)
    if "prob" in found and units != "prob" and len(rows) < 3 and (rows < 1).all():
        found.remove("prob")
    return found


def _unnormalised(rows: FloatArray, units: str, reads: str) -> str:
    """The doubt where no row adds up to 1: numbers that mean probabilities above 1."""
    finite = np.where(np.isfinite(rows), rows, 0.0)
    with np.errstate(over="ignore"):
        if units == "prob":
            total = float(rows.sum(axis=1).max())
            if (rows < 0).any():
                return f"{reads} some are below 0: logits? {_advice('logits', units)}"
            return f"{reads} a row of them adds up to {total:.4g}" if total > 1 + _NEAR else ""
        signed = finite if units in ("logp", "log10") else -finite
        total = float(np.exp(signed).sum(axis=1).max())
    if not (signed > _NEAR).any() or total < 1 + _NEAR:
        return ""
    if units != ENERGIES and (finite >= 0).all():
        return f"{reads} none is below 0, and exp(x) adds up to {total:.4g}: energies? {_advice(ENERGIES, units)}"
    if units == ENERGIES and _peak(finite) <= _peak(-finite):
        return ""
    sums = f"{'exp(-x)' if units == ENERGIES else 'exp(x)'} of a row adds up to {total:.4g}, more than 1"
    return f"{reads} {sums}: logits? {_advice('logits', units)}"


def _peak(rows: FloatArray) -> float:
    """The mean of the largest probability of each row, were they logits."""
    shifted = np.exp(rows - rows.max(axis=1, keepdims=True))
    return float((1.0 / shifted.sum(axis=1)).mean())
