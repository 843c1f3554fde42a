"""A command, its options and its files, drawn from a seed: of every command, whatever options it has."""

from __future__ import annotations

import pathlib
from random import Random
from typing import Any, NamedTuple

import click

from lattice_cli.cli.main import COMMANDS, cli

from .mutations import mutated
from .seeds import MODEL, Seeds

#: Files that are written. Beside these, what is fixed: processes would be lost with the one that is watched, and how
#: long a search or a training takes is what one asks for.
_WRITTEN = ("output", "html", "write_symbols", "write_labels", "target")
_NOT_DRAWN = (*("jobs", "folder", "keys", "overrides", "steps", "epochs", "every", "quiet", "color"), *_WRITTEN)
_INTEGERS = ("0", "1", "2", "3", "-1", "12")
_FLOATS = ("0", "1", "2.5", "-1", "0.1", "1e-300", "1e300", "1e308", "-1e308", "1e-320", "nan", "inf", "-inf", "710")
_USUAL = ("0.5", "1", "2", "0.1")
_TEXTS = (
    "a",
    "ab",
    "a b",
    "34",
    "cut",
    "_",
    "<eps>",
    "",
    "é",
    "\u202e",
    "[red]",
    "blank",
    "acoustic",
    "lm",
    "@in.json",
)
_PATTERNS = (
    *("a*", "(a|b)*a", "a{2,4}", "[ab]*a[ab]{9}", "((a?){9}){9}", "(", "[", "a{9999}", "\\", "[^a]", ".*", "[z-a]"),
)
_ENCODINGS = ("utf-8", "latin-1", "utf-16", "shift_jis", "none")
#: How files are read, which most files have no use for: then they are refused for that alone.
_OF_READERS = (
    *("form", "labels", "logp", "log10", "prob", "logits", "scales", "node_words", "keep_tags", "split", "encoding"),
    *("symbols", "isymbols", "osymbols", "epsilon", "acceptor", "unions", "every_row"),
)
#: What is left out: it has no input, and writes or says the same whatever there is.
_NO_INPUT = ("samples", "completion", "help")


class Case(NamedTuple):
    """arguments of `lattice`; files: name -> bytes, in the folder that it is run in."""

    arguments: list[str]
    files: dict[str, bytes]


def commands() -> dict[tuple[str, ...], click.Command]:
    """Every command by its names."""
    context = click.Context(cli)
    found: dict[tuple[str, ...], click.Command] = {}
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            for inner in command.list_commands(context):
                of_group = command.get_command(context, inner)
                assert of_group is not None
                found[name, inner] = of_group
        elif name not in _NO_INPUT:
            found[(name,)] = command
    return found


class Cases:
    """Cases by number. only: the name of a command, None for all."""

    def __init__(self, seeds: Seeds, only: str | None = None) -> None:
        self._seeds = seeds
        self._commands = {names: each for names, each in commands().items() if only in (None, names[0])}

    def case(self, seed: int, number: int) -> Case:
        """The case of a seed and a number: the same every time."""
        random = Random(f"{seed} {number}")
        first = random.choice(list(dict.fromkeys(names[0] for names in self._commands)))
        names = random.choice([names for names in self._commands if names[0] == first])
        command = self._commands[names]
        files: dict[str, bytes] = {}
        if names in (("train",), ("recognize",)):
            return Case([*names, *self._of_training(names[0], files, random)], files)
        arguments = list(names)
        for parameter in command.params:
            if isinstance(parameter, click.Argument):
                arguments += self._argument(parameter, files, random)
        options = [each for each in command.params if isinstance(each, click.Option) and each.name not in _NOT_DRAWN]
        of_readers = random.random() < 0.15
        options = [each for each in options if of_readers or each.name not in _OF_READERS]
        chosen = random.sample(options, min(len(options), random.choice((0, 0, 0, 1, 1, 2, 3))))
        for option in chosen:
            arguments += self._option(option, files, random)
        arguments += self._wanted(command, {each.name for each in chosen}, files, random)
        return Case(arguments, files)

    def _file(self, files: dict[str, bytes], random: Random) -> str:
        """A new file among those of a case; its name."""
        name = random.choice(list(self._seeds.files))
        data = self._seeds.files[name]
        own = name if name not in files else f"{len(files)}{name}"
        # One damaged file is enough to be refused: others beside it are to be looked at as well.
        files[own] = mutated(data, random) if random.random() < (0.8 if len(files) == 0 else 0.3) else data
        return own

    def _argument(self, parameter: click.Argument, files: dict[str, bytes], random: Random) -> list[str]:
        if parameter.name == "pattern":
            return [random.choice(_PATTERNS)]
        if parameter.type.name not in ("file", "dir"):
            return [random.choice(_TEXTS)]
        if parameter.name in _WRITTEN:
            return []
        count = 1 if parameter.nargs == 1 else random.choice((1, 1, 1, 2))
        return [self._file(files, random) for _ in range(count)]

    def _option(self, option: click.Option, files: dict[str, bytes], random: Random) -> list[str]:
        name, kind = option.opts[-1], option.type
        if option.is_flag:
            return [name]
        return [name, self._value(option, kind, files, random)]

    def _number(self, random: Random) -> str:
        return random.choice(random.choice((_FLOATS, _USUAL)))

    def _value(self, option: click.Option, kind: Any, files: dict[str, bytes], random: Random) -> str:
        if isinstance(kind, click.Choice):
            return str(random.choice([*kind.choices]))
        if kind.name == "file":
            return self._file(files, random)
        if isinstance(kind, (click.types.IntParamType, click.IntRange)):
            return random.choice(_INTEGERS)
        if option.name == "encoding":
            return random.choice(_ENCODINGS)
        if type(kind).__name__ == "NamedNumber":
            return f"{random.choice(_TEXTS)}={random.choice(_FLOATS)}"
        if type(kind).__name__ in ("BetaList", "Counts", "SizeList"):
            return ",".join(
                self._number(random) if type(kind).__name__ == "BetaList" else random.choice(_INTEGERS)
                for _ in range(2)
            )
        return random.choice(_TEXTS) if isinstance(kind, click.types.StringParamType) else self._number(random)

    def _wanted(
        self, command: click.Command, chosen: set[str | None], files: dict[str, bytes], random: Random
    ) -> list[str]:
        """What a command needs beside its input, mostly; and JSON, which can be checked."""
        names = {each.name for each in command.params if isinstance(each, click.Option)} - chosen
        wanted = []
        if "as_json" in names and "as_tsv" in names and random.random() < 0.6:
            wanted.append("--json")
        if "targets" in names and random.random() < 0.8:
            wanted += ["-t", random.choice(_TEXTS)]
        if "references" in names and random.random() < 0.8:
            wanted += ["-r", self._file(files, random)]
        if "lossy" in names and "to" in names:
            forms = next(each.type for each in command.params if each.name == "to")
            assert isinstance(forms, click.Choice)
            wanted += ["--to", random.choice([*forms.choices]), "-o", "out.put"]
        if {"beam", "posterior"} <= names and random.random() < 0.9:
            wanted += [random.choice(("--beam", "--posterior")), self._number(random)]
        needs = chosen & {"combine", "side"}
        if "grammar" in names and random.random() < (0.9 if needs else 0.3):
            wanted += ["-g", self._file(files, random)]
        if "epochs" in names:
            wanted += ["--epochs", "1"]
        if "context" in names:
            wanted += ["-o", "out.put"]
        return wanted

    def _of_training(self, command: str, files: dict[str, bytes], random: Random) -> list[str]:
        """A training, gone on with or begun, or a model and inputs for it; one of the files is damaged."""
        files.update(self._seeds.trained)
        recognized = command == "recognize"
        hurt = random.choice(
            (MODEL, "inputs.jsonl") if recognized else (f"{MODEL}.checkpoint", "config.yaml", "inputs.jsonl")
        )
        files[hurt] = mutated(files[hurt], random)
        if recognized:
            return [MODEL, "inputs.jsonl", *random.choice(([], ["--check"], ["--check", "--json"]))]
        going_on = random.choice(("--resume", "--restart"))
        # Not more epochs than one: as many as are asked for are made.
        limits = [] if hurt != "config.yaml" else ["--set", "training.epochs=1"]
        return ["config.yaml", "-o", MODEL, going_on, *limits, *random.choice(([], ["--json"]))]


def write(case: Case, folder: pathlib.Path) -> None:
    """The files of a case, in an empty folder."""
    for name, data in case.files.items():
        (folder / name).write_bytes(data)
