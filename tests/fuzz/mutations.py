"""Files changed at random: their bytes, lines, numbers, trees and arrays."""

from __future__ import annotations

import gzip
import io
import json
import re
import warnings
import zipfile
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import yaml

#: Numbers at the ends of what there is, as they are written.
NUMBERS = (
    *("0", "-0", "1", "-1", "2", "3", "0.5", "1e-320", "-1e-320", "1e308", "-1e308", "1.7976931348623157e308", "1e309"),
    *("1e999", "-1e154", "1e154", "700", "-745", "2147483647", "-2147483648", "4294967296", "9223372036854775807"),
    *("9223372036854775808", "18446744073709551616", "1e18", "nan", "inf", "-inf", "NaN", "Infinity", "BadNumber"),
    *("1_000", "0x10", "1,5", "٣", "", "00", "1e", "9" * 400),
)
TEXTS = (
    *("", " ", "a", "b", "<eps>", "0", "no", "null", "~", "é", "日本", "\u202e", "\x1b[31m", "\x00", "\x85", "\u2028"),
    *("[red]", "a b", "a\tb", "a\nb", "\ud800", "<s>", "</s>", "#0", "_", "-", "x" * 2000, "\ufeff", '"', "\\", "{id}"),
)
_NUMBER = re.compile(rb"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_TOKEN = re.compile(rb"[^\s,;:(){}\[\]|=\"]+")


def mutated(data: bytes, random: Random) -> bytes:
    """The bytes of a file, changed in one to four places."""
    if data.startswith(b"\x1f\x8b") and random.random() < 0.9:
        return gzip.compress(mutated(gzip.decompress(data), random), mtime=0)
    for _ in range(random.choice((1, 1, 1, 2, 2, 4))):
        data = random.choice(_ways(data))(data, random)
    return data


def _ways(data: bytes) -> list[Callable[[bytes, Random], bytes]]:
    """How data of this kind may be changed."""
    if data.startswith(b"PK"):
        return [_arrays] * 8 + [_bytes, _cut]
    if data.startswith(b"\x93NUMPY"):
        return [_array_file] * 4 + [_bytes, _cut]
    if b"\0" in data[:200]:
        return [_bytes, _bytes, _cut, _doubled]
    ways = [_bytes, _cut, _line, _line, _number, _number, _number, _token, _token, _doubled]
    if data.lstrip()[:1] in b"{[" or b": " in data[:2000]:
        ways += [_tree] * 8
    return ways


def _place(data: bytes, random: Random) -> int:
    return random.randrange(len(data) + 1)


def _bytes(data: bytes, random: Random) -> bytes:
    """A few bytes are others, or gone, or new."""
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 8))):
        at = _place(changed, random)
        new = random.choice((b"", b"\0", b"\xff", b" ", b"\n", b"-", b"9", b"{", b"]", b'"', random.randbytes(4)))
        changed[at : at + random.choice((0, 1, 1, 4))] = new
    return bytes(changed)


def _cut(data: bytes, random: Random) -> bytes:
    return data[: _place(data, random)] if random.random() < 0.7 else data[_place(data, random) :]


def _doubled(data: bytes, random: Random) -> bytes:
    """A piece is there twice."""
    low, high = sorted((_place(data, random), _place(data, random)))
    return data[:high] + data[low:high][:10_000] + data[high:]


def _line(data: bytes, random: Random) -> bytes:
    """A line is twice, gone, elsewhere, or another one."""
    lines = data.split(b"\n")
    at, other = random.randrange(len(lines)), random.randrange(len(lines))
    way = random.randrange(5)
    if way == 0:
        del lines[at]
    elif way == 1:
        lines.insert(other, lines[at])
    elif way == 2:
        lines[at], lines[other] = lines[other], lines[at]
    elif way == 3:
        lines[at] += b" " + lines[other]
    else:
        lines[at] = random.choice((b"", b"#", b"---", b"\r", lines[at] + b"\r", b"\t" + lines[at]))
    return b"\n".join(lines)


def _replaced(data: bytes, pattern: re.Pattern[bytes], new: bytes, random: Random) -> bytes:
    """One place that the pattern fits is something else."""
    found = list(pattern.finditer(data[:200_000]))
    if not found:
        return data
    place = random.choice(found)
    return data[: place.start()] + new + data[place.end() :]


def _number(data: bytes, random: Random) -> bytes:
    return _replaced(data, _NUMBER, random.choice(NUMBERS).encode(), random)


def _token(data: bytes, random: Random) -> bytes:
    """A word is another one, of the file or of those that are seldom."""
    tokens = _TOKEN.findall(data[:5000]) or [b""]
    new = random.choice((random.choice(tokens), random.choice(TEXTS).encode("utf-8", "surrogatepass")))
    return _replaced(data, _TOKEN, new, random)


def _value(random: Random) -> Any:
    """A value of JSON, seldom what is expected."""
    text, number = random.choice(TEXTS), random.choice(NUMBERS)
    return random.choice(
        (
            *(None, True, False, 0, 1, -1, -0.0, 1e308, -1e308, 5e-324, 2**63, 10**400, float("nan"), float("inf")),
            *(text, number, [], {}, [[]], [text], {text: number}, {"0": 1, "-0": 2}, [0, 0], [text, text], [1e308] * 3),
        )
    )


def _tree(data: bytes, random: Random) -> bytes:
    """A value of a tree is another one, twice, gone, or under another key."""
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError):
        try:
            tree = yaml.safe_load(data)
        except (yaml.YAMLError, ValueError, RecursionError, AttributeError, TypeError):
            return _token(data, random)
    inner, waiting = [], [tree]
    while waiting and len(inner) < 5000:
        each = waiting.pop()
        if isinstance(each, (dict, list)) and each:
            inner.append(each)
            waiting += each.values() if isinstance(each, dict) else each
    if not inner:
        return data
    _change(random.choice(inner), inner, random)
    try:
        return json.dumps(tree, default=str, ensure_ascii=random.random() < 0.5).encode("utf-8", "surrogatepass")
    except (ValueError, RecursionError, TypeError):
        return data


def _change(node: Any, others: list[Any], random: Random) -> None:
    """One entry of a list or mapping is changed."""
    key = random.choice(list(node)) if isinstance(node, dict) else random.randrange(len(node))
    way = random.randrange(5)
    if way == 0:
        del node[key]
    elif way == 1:
        node[key] = _value(random)
    elif way == 2:
        copy = json.loads(json.dumps(random.choice(others), default=str))
        if len(str(copy)) < 100_000:
            node[key] = copy
    elif isinstance(node, list):
        node.insert(random.randrange(len(node) + 1), node[key] if way == 3 else _value(random))
    else:
        known = [other for each in others if isinstance(each, dict) for other in each]
        node[random.choice(known) if way == 3 else random.choice(TEXTS)] = node[key]


def _other_array(array: Any, random: Random) -> Any:
    """An array with other numbers, another shape or another kind."""
    array = array.copy()
    way = random.randrange(6)
    if way < 2 and array.size and array.dtype.kind in "iuf":
        place = random.randrange(array.size)
        wanted = random.choice((0, -1, 1, 2, 1e308, -1e308, 1e-320, 2**31, 2**62, float("nan"), float("inf")))
        with np.errstate(all="ignore"):
            array.reshape(-1)[place : place + 1] = np.array([wanted]).astype(array.dtype)
        return array
    if way == 2:
        return array[: random.randrange(len(array) + 1)] if array.ndim else np.array([array, array])
    if way == 3:
        return np.concatenate([array, array[-1:]]) if array.ndim else array.reshape(1, 1)
    if way == 4:
        return array.reshape((1, *array.shape)) if random.random() < 0.5 else array.reshape(-1)
    kinds = ("<f8", ">f8", "<f4", "<f2", "<i8", "<u8", "<i2", "|b1", "<c16", "<U3", "|S2", "O")
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return array.astype(random.choice(kinds))
    except (ValueError, TypeError):
        return array


def npy(array: Any, random: Random) -> bytes:
    """The .npy file of an array, seldom with a header that lies."""
    file = io.BytesIO()
    if random.random() < 0.1 and array.dtype.kind != "O":
        shape = random.choice(((2**40,), (2**62, 2**62), (0,), (), (3, *array.shape), (len(array.reshape(-1)) + 1,)))
        header = {"descr": array.dtype.str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        return file.getvalue() + array.tobytes()
    np.save(file, array)
    return file.getvalue()


def _array_file(data: bytes, random: Random) -> bytes:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return npy(_other_array(np.load(io.BytesIO(data)), random), random)
    except Exception:  # it is damaged already
        return _bytes(data, random)


def _arrays(data: bytes, random: Random) -> bytes:
    """An array of an archive is another one, gone, or under another name; or its text is."""
    try:
        with np.load(io.BytesIO(data)) as file:
            arrays = {name: file[name] for name in file.files}
        name = random.choice(list(arrays))
        chosen = arrays[name]
    except Exception:  # it is damaged already
        return _bytes(data, random)
    way = random.randrange(8)
    if chosen.dtype == np.uint8 and chosen.ndim == 1 and way < 7:
        text = random.choice((_tree, _tree, _tree, _token, _number, _bytes))(chosen.tobytes(), random)
        arrays[name] = np.frombuffer(text, dtype=np.uint8)
    elif way == 0:
        del arrays[name]
    elif way == 1:
        arrays[random.choice([*arrays, "other", "score0", "times", "lengths", "model", "grammar/src"])] = chosen
    else:
        arrays[name] = _other_array(chosen, random)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, array in arrays.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), npy(array, random))
    return packed.getvalue()
