"""The command group: finds commands by name, and turns errors into messages and exit statuses, once for all."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from lattice_cli.cli.options.groups import Group
from lattice_cli.cli.terminal import (
    STDOUT,
    collect_seldom,
    complain,
    discard_output,
    keep_freed_memory,
    one_thread,
    open_streams,
)
from lattice_cli.errors import FormatError, error_of, printable

#: Command -> one line of help, in groups. The command `name` is the function of that name in
#: lattice_cli.cli.commands.name.
GROUPS = {
    "Look": {
        "show": "What is in a file, and is it sound.",
        "draw": "Pictures of graphs, with the best path marked.",
    },
    "Decode": {
        "viterbi": "Best paths and answers, the n best, the distinct.",
        "forward": "Free energies, posteriors and per-arc gradients.",
        "sample": "Paths drawn at random by their probability.",
        "compose": "Graphs with a grammar: the interpretation graphs.",
        "prune": "Smaller graphs, with a guarantee of what is kept.",
    },
    "Judge": {
        "evaluate": "Answers against references: error rates, rejection.",
        "score": "How likely a text is: energies, perplexity, word by word.",
        "loss": "The losses, with the gradient of every arc.",
        "bound": "Variational bounds on free energies.",
        "lagrangian": "Chains of states with costs, and their multipliers.",
    },
    "Learn": {
        "train": "Learn a recogniser and a grammar through the graph.",
        "recognize": "A trained model and inputs: recognition graphs.",
        "tune": "The scales of named scores with the fewest word errors.",
    },
    "Make": {
        "grammar": "A grammar of words, a dictionary, ARPA, CTC, JSGF, ...",
        "convert": "From form to form: OpenFst, Kaldi, k2, GTN, SLF, ...",
    },
    "Also": {
        "samples": "The files that examples name, into a folder.",
        "completion": "Completion of names and files in your shell.",
        "help": "Commands and topics, or the help of one.",
    },
}
COMMANDS = {name: about for group in GROUPS.values() for name, about in group.items()}


class LazyGroup(Group):
    """Loads a command's module when the command is used, so that `--help` is instant."""

    def listed(self) -> dict[str, dict[str, str]]:
        """The commands, without loading them."""
        return GROUPS

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        if cmd_name not in COMMANDS:
            return None
        keep_freed_memory()
        command = getattr(importlib.import_module(f"lattice_cli.cli.commands.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The arguments. An option before the command, where it has none, is told where it belongs."""
        try:
            return super().parse_args(ctx, list(args))
        except click.NoSuchOption as error:
            command = next((each for each in args if each in COMMANDS), None)
            if command is None:
                raise
            name = error.option_name
            ctx.fail(f"{name} goes behind the command: lattice {command} ... {name}")

    def make_context(self, *arguments: Any, **more: Any) -> click.Context:
        """The options; help is printed here."""
        with _readers_may_go():
            return super().make_context(*arguments, **more)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with _readers_may_go():
            try:
                return super().invoke(ctx)
            finally:
                _say_notes()

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that was asked for, or a usage error that names the nearest one."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(name, COMMANDS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else f" Commands: {', '.join(COMMANDS)}."
            if os.path.exists(name):
                hint = f" It is a file: lattice show {printable(name)} says what is in it."
            ctx.fail(f"No such command {name!r}.{hint}")
        return super().resolve_command(ctx, args)


def _versions(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from lattice_cli.cli.help import version_lines

        click.echo(version_lines())
        ctx.exit()


@click.group(cls=LazyGroup, name="lattice", context_settings={"max_content_width": 100})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_versions,
    help="The versions of lattice, of Python and of the libraries, and the platform: what a report needs.",
)
def cli() -> None:
    """Decode and train with lattices.

    Recognition graphs, whose arcs carry energies, are composed with grammars. Energies are costs in nats: lower is
    better. GRAPH is a file (JSON, YAML, JSON Lines, .npz, .npy, HTK SLF, OpenFst, Kaldi, k2 and GTN, any of them
    gzipped) or - for standard input. Results are tables; --json, behind the command, prints one JSON object a line.

    Exit status: 0 done; 1 sound input without an answer; 2 usage; 3 bad data; 4 a divergent sum or a failed check; 70
    an internal error.

    Examples:
      lattice samples . && lattice viterbi samples/lecture-34.json -n 3
    """


@contextmanager
def _readers_may_go() -> Iterator[None]:
    """Whoever reads the output may have enough of it: an end that is no error, and for click would be one."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        discard_output()
        raise click.exceptions.Exit(0) from None


def _say_notes() -> None:
    """What is left of the notes of readers, such as those of grammars, if anything was read at all."""
    # Were it imported before, help would load what it has no use for.
    if "lattice_cli.formats.io.notes" in sys.modules:
        from lattice_cli.cli.terminal import begin_notes, say_notes

        say_notes(last=True)
        begin_notes()


def _message(error: click.ClickException) -> str:
    """What click says of the command line, as all other messages are said."""
    told = " ".join(error.format_message().split()).replace("a valid integer range", "a whole number")
    told = told.replace("a valid float range", "a number").removesuffix(".")
    context = error.ctx if isinstance(error, click.UsageError) else None
    return printable(told) + ("" if context is None else f" ({context.command_path} --help says what there is)")


def _refused(error: OSError) -> str:
    """What the machine refused, and of which file."""
    if error.filename == STDOUT:
        discard_output()
        return f"{STDOUT}: cannot write: {error.strerror}"
    return f"{os.fsdecode(error.filename)}: {error.strerror}" if error.filename else error.strerror or str(error)


def _ended(work: Callable[[], Any]) -> int:
    """The status that some work ends with, after what has to be said of that."""
    status, said, known = 0, "", None
    try:
        found = work()
        status = found if isinstance(found, int) else 0
    except click.exceptions.Exit as error:
        status = error.exit_code
    except click.ClickException as error:
        status, said = error.exit_code, _message(error)
    except (click.Abort, KeyboardInterrupt):
        status = 130
    except MemoryError as error:
        status, said = 4, f"not enough memory{f': {error}' if str(error) else ''}"
    except BrokenPipeError:
        discard_output()
    except OSError as error:
        status, said = FormatError.exit_status, _refused(error)
    except Exception as error:
        known = error_of(error)
        status, said = known.exit_status, str(known)
    return max(status, _ended(lambda: complain(said, known))) if said else status


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line and exit with its status."""
    open_streams()
    one_thread()
    collect_seldom()
    status = _ended(lambda: cli.main(arguments, prog_name="lattice", standalone_mode=False))
    sys.exit(max(status, _ended(sys.stdout.flush)))
