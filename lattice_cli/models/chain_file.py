"""Chains as files: a YAML or JSON mapping of state, steps, f, weights, targets, cost and learn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lattice_cli.arrays import FloatArray
from lattice_cli.errors import FormatError
from lattice_cli.formats.io import (
    Failure,
    RawPart,
    ReadOptions,
    Source,
    as_list,
    as_mapping,
    as_number,
    as_text,
    brief,
    decoded,
    is_null,
    known_keys,
    location,
    parse_yaml,
)
from lattice_cli.learning.chains import FUNCTIONS, Expression, StateChain

_KEYS = ("id", "state", "steps", "f", "weights", "targets", "cost", "learn")
_COSTS = ("each", "end")
#: More states or steps than a table is for.
_MOST_STEPS = 100_000


@dataclass(frozen=True, eq=False)
class ChainFile:
    """A chain as its file has it. learned: the weights and first states that the file says are to be learned."""

    id: str
    source: str
    chain: StateChain
    learned: tuple[str, ...]


def split_chains(path: str, options: ReadOptions) -> Iterator[RawPart | Failure]:
    """A file of chains ("-": standard input), one a YAML document: one part."""
    try:
        source = Source(path, options.encoding)
    except Exception as error:
        yield Failure.of(path, error)
        return
    try:
        data = source.everything()
        yield RawPart(_chains, (data, source.name, path), path, len(data))
    except Exception as error:
        yield Failure.of(path, error)
    finally:
        source.close()


def _chains(data: bytes, source: str, path: str) -> Iterator[ChainFile | Failure]:
    count = 0
    values = parse_yaml(decoded(data, source), source)
    while True:
        count += 1
        record_id = path if count == 1 else f"{path}:{count}"
        try:
            value = next(values, None)
            if value is None:
                break
            yield _chain_file(as_mapping(value, source, "a chain"), source, record_id)
        except Exception as error:
            yield Failure.of(record_id, error, source)
    if count == 1:
        raise FormatError(f"{source}: is empty, expected a chain")


def _chain_file(given: dict[Any, Any], source: str, record_id: str) -> ChainFile:
    known_keys(given, _KEYS, source, "a chain")
    for key in ("state", "steps", "f", "cost"):
        if key not in given:
            raise FormatError(f"{location(source, given)}: a chain has no {key!r}, expected state, steps, f and cost")
    start = _numbers(given["state"], source, "state")
    if not start:
        raise FormatError(
            f"{location(source, given)}: state is empty, expected a name and a first value for each state"
        )
    steps = as_number(given["steps"], source, "steps")
    if not (steps.is_integer() and 1 <= steps <= _MOST_STEPS):
        raise FormatError(
            f"{location(source, given['steps'])}: steps is {brief(given['steps'])}, expected 1 to {_MOST_STEPS:,}"
        )
    count = int(steps)
    weights, shared = _columns(given.get("weights"), source, "weights", count)
    targets, _ = _columns(given.get("targets"), source, "targets", count + 1)
    _require_apart(source, given, state=start, weights=weights, targets=targets)
    states = tuple(start)
    beginnings = [f"start.{name}" for name in states]
    formulas = as_mapping(given["f"], source, "f")
    known_keys(formulas, states, source, "f")
    for name in states:
        if name not in formulas:
            raise FormatError(f"{location(source, formulas)}: f has no formula for the state {name!r}")
    moves = tuple(
        _expression(formulas[name], source, f"f of {name}", (*states, *weights, *beginnings, "k")) for name in states
    )
    costs = as_mapping(given["cost"], source, "cost")
    known_keys(costs, _COSTS, source, "cost")
    each, end = (
        None
        if is_null(costs.get(key))
        else _expression(costs[key], source, f"cost {key}", (*states, *targets, *beginnings, "k"))
        for key in _COSTS
    )
    if each is None and end is None:
        raise FormatError(f"{location(source, costs)}: there is no cost, expected a formula for each or end")
    learned = [as_text(name, source, "learn") for name in as_list(given.get("learn", []), source, "learn")]
    for name in learned:
        if name not in weights and name not in start:
            raise FormatError(f"{location(source, name)}: learn has {name!r}, which is no weight and no state")
        if learned.count(name) > 1:
            raise FormatError(f"{location(source, name)}: learn has {name!r} twice")
    chain = StateChain(states, np.array(list(start.values())), moves, count, weights, shared, targets, each, end)
    own_id = record_id if is_null(given.get("id")) else as_text(given["id"], source, "id")
    return ChainFile(own_id, source, chain, tuple(learned))


def _numbers(value: object, source: str, what: str) -> dict[str, float]:
    return {
        _name(name, source, what): as_number(number, source, f"{what} {name}")
        for name, number in as_mapping(value, source, what).items()
    }


def _name(name: object, source: str, what: str) -> str:
    text = as_text(name, source, f"a name of {what}")
    if not (text.isascii() and text.isidentifier()) or text in (*FUNCTIONS, "min", "max", "k", "start"):
        raise FormatError(
            f"{location(source, name)}: {what} has the name {text!r}, expected letters, and no function's"
        )
    return text


def _columns(value: object, source: str, what: str, count: int) -> tuple[dict[str, FloatArray], frozenset[str]]:
    """Name -> (count,) numbers, and the names of those that are one number."""
    found: dict[str, FloatArray] = {}
    shared = set[str]()
    for key, given in as_mapping({} if value is None else value, source, what).items():
        name = _name(key, source, what)
        if isinstance(given, list):
            if len(given) != count:
                raise FormatError(
                    f"{location(source, given)}: {what} {name} has {len(given)} numbers, expected one or {count}"
                )
            found[name] = np.array([as_number(each, source, f"{what} {name}") for each in given])
        else:
            found[name] = np.full(count, as_number(given, source, f"{what} {name}"))
            shared.add(name)
    return found, frozenset(shared)


def _require_apart(source: str, given: dict[Any, Any], **groups: Mapping[str, object]) -> None:
    """Raises FormatError for a name that is in two groups."""
    seen: dict[str, str] = {}
    for group, names in groups.items():
        for name in names:
            if name in seen:
                raise FormatError(f"{location(source, given)}: {name!r} is in {seen[name]} and in {group}")
            seen[name] = group


def _expression(value: object, source: str, what: str, names: Sequence[str]) -> Expression:
    text = (
        str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else as_text(value, source, what)
    )
    try:
        found = Expression.of(text)
    except ValueError as error:
        raise FormatError(f"{location(source, value)}: {what} ({brief(text)}) {error}") from None
    strange = next((name for name in found.names if name not in names), None)
    if strange is not None:
        raise FormatError(
            f"{location(source, value)}: {what} has {strange!r} in it, which is none of {', '.join(names)}"
        )
    return found
