"""What the numbers of an emission matrix are: energies, log-probabilities, probabilities, logits; and what they look
like.

Rows from all over it tell: probabilities add up to 1, and so do exp x of log-probabilities and exp -x of their
energies; less where small ones were left out, never more.
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
#: So many rows are looked at.
_ROWS = 64
#: With so many rows and columns, what is no chance in all of them: that they add up to at most 1, say.
_MANY_ROWS, _MANY_COLUMNS = 8, 3
#: What scores, which may be anything, do not add up to in the mean of many rows if none is above 1.
_MOST = 0.8
#: Sums of probabilities differ from 1 by what float16 and a few printed digits leave.
_NEAR = 0.01
#: (how near the sums in other units are, how far those in the given ones): then the others are meant.
_NEARER = ((1e-12, 1e-10), (1e-9, 1e-6), (1e-5, 1e-3), (1e-3, 6e-3))


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
    """What rows of a (T, C) matrix look like, and the option that fits, if that is not `units`; "" if it is.

    Numbers that add up to nothing in particular are taken as they are said to be, but for logits: of a network's scores
    the largest of a row stands out, of energies the smallest.
    """
    rows = _some(matrix)
    if matrix.shape[1] < 2 or not len(rows) or np.isnan(rows).any():
        return ""
    sums = _sums(rows)
    same = "logp" if units == "logits" else units  # softmax of log-probabilities are the probabilities
    fitting = _fitting(rows, sums, same)
    if same in fitting[:1] or (units == "logits" and (rows.max(axis=1) == 0).all()):
        return ""
    reads = f"read as {_plural(units)}, but"
    if fitting:
        return f"{reads} the rows look like {_plural(fitting[0])}: {_adds(fitting[0])} 1; {_advice(fitting[0], units)}"
    columns = _some(matrix.T)
    if len(columns[0]) > 1 and (across := _fitting(columns, _sums(columns), units)):
        adds = _adds(across[0])
        return f"{reads} the columns look like {_plural(across[0])}, not the rows: {adds} 1; is it transposed?"
    return _unnormalised(rows, sums, units, reads)


def _some(matrix: FloatArray) -> FloatArray:
    """Rows from all over a matrix: the first ones alone may all be silence."""
    return matrix[np.linspace(0, len(matrix) - 1, min(len(matrix), _ROWS)).astype(np.intp)]


def _plural(units: str) -> str:
    name = UNITS[units][0]
    return "energies" if units == ENERGIES else name.replace("probability", "probabilities").replace("logit", "logits")


def _advice(fitting: str, units: str) -> str:
    return f"leave {UNITS[units][1]} out" if fitting == ENERGIES else f"{UNITS[fitting][1]} reads them so"


def _adds(units: str) -> str:
    """What adds up to 1."""
    return {ENERGIES: "exp(-x) adds up to", "prob": "they add up to"}.get(
        units, f"{'10^x' if units == 'log10' else 'exp(x)'} adds up to"
    )


def _sums(rows: FloatArray) -> dict[str, FloatArray]:
    """Units -> (rows,) what the probabilities that the numbers stand for add up to; nan where one is below 0."""
    with np.errstate(over="ignore"):
        parts = {"logp": np.exp(rows), "log10": np.power(10.0, rows), ENERGIES: np.exp(-rows)}
        sums = {name: part.sum(axis=1) for name, part in parts.items()}
        sums["prob"] = np.where((rows < 0).any(axis=1), np.nan, np.where(rows < 0, 0.0, rows).sum(axis=1))
    return sums


def _fitting(rows: FloatArray, sums: dict[str, FloatArray], units: str) -> list[str]:
    """The units in which every row is a distribution, the likely ones first: `units`, unless others are much nearer.

    One or two rows of plain energies may add up to 1 by chance: to be probabilities there have to be more. A row whose
    best is 0 fits all logarithms alike.
    """
    off = {name: np.abs(total - 1.0) for name, total in sums.items()}
    found = [name for name, far in off.items() if (far < _NEAR).all()]
    if "prob" in found and units != "prob" and len(rows) < 3 and (rows < 1).all():
        found.remove("prob")
    telling = (rows != 0).all(axis=1) & np.isfinite(rows).any(axis=1)
    if not found or not telling.any():
        return sorted(found, key=lambda name: name != units)
    far = {name: float(off[name][telling].max()) for name in found}
    best = min(found, key=lambda name: (far[name], name != units))
    nearer = units not in found or any(far[best] < near and far[units] > least for near, least in _NEARER)
    return sorted(found, key=lambda name: name != (best if nearer else units))


def _less(rows: FloatArray, sums: dict[str, FloatArray], units: str) -> bool:
    """Whether the rows look like distributions in these units that small probabilities were left out of."""
    total = sums[units]
    large = rows.shape[0] >= _MANY_ROWS and rows.shape[1] >= _MANY_COLUMNS
    least = 0.05 if units == "prob" else 0.3  # numbers from 0 to 1 are seldom anything else
    return bool(large and (total < 1 + _NEAR).all() and total.mean() > least)


def _unnormalised(rows: FloatArray, sums: dict[str, FloatArray], units: str, reads: str) -> str:
    """The doubt where not every row adds up to 1 in any units: sums above 1."""
    most = float(sums[units].max()) if units in sums else math.inf
    if most < 1 + _NEAR:
        return ""
    like = next((name for name in ("logp", "log10", ENERGIES, "prob") if _less(rows, sums, name)), None)
    if units == "logits" and (like in (None, "logp") or (like != "prob" and sums[like].mean() < _MOST)):
        return ""
    if like is not None:
        return f"{reads} the rows look like {_plural(like)}: {_adds(like)} 1 or less; {_advice(like, units)}"
    if units == "prob":
        if math.isnan(most):
            return f"{reads} some are below 0: logits? {_advice('logits', units)}"
        return f"{reads} a row of them adds up to {most:.4g}"
    if units != ENERGIES and (rows >= 0).all():
        return f"{reads} none is below 0, and {_adds(units)} {most:.4g}: energies? {_advice(ENERGIES, units)}"
    if units == ENERGIES and not _stand_out(rows):
        return ""
    name = _adds(units).replace(" adds", " of a row adds")
    return f"{reads} {name} {most:.4g}, more than 1: logits? {_advice('logits', units)}"


def _stand_out(rows: FloatArray) -> bool:
    """Whether the largest of a row stands out more than the smallest does, in so many rows that it is no chance.

    Scores of a network are on both sides of 0, or all below; energies above it, as squared distances, are skewed too.
    """
    rows = rows[np.isfinite(rows).all(axis=1)]
    if not (rows < 0).any():
        return False
    more = _peaks(rows) - _peaks(-rows)
    if len(rows) < _MANY_ROWS:
        return len(rows) > 2 and bool((more > 0).all() and more.mean() > 0.1)
    return bool((rows <= 0).all() or more.mean() > max(0.02, 3.0 * more.std() / math.sqrt(len(rows))))


def _peaks(rows: FloatArray) -> FloatArray:
    """(rows,) the largest probability of each row, were they logits."""
    peaks: FloatArray = 1.0 / np.exp(rows - rows.max(axis=1, keepdims=True, initial=-np.inf)).sum(axis=1)
    return peaks
