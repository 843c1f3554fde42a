"""The command group: finds commands by name, and turns errors into messages and exit statuses, once for all."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

from lattice_cli.cli.options.groups import Group
from lattice_cli.cli.terminal import collect_seldom, keep_freed_memory, one_thread
from lattice_cli.errors import LatticeError

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
        "loss": "The ten losses, with the gradient of every arc.",
        "bound": "Variational bounds on free energies.",
    },
    "Learn": {
        "train": "Learn a recogniser and a grammar through the graph.",
        "recognize": "A trained model and inputs: recognition graphs.",
    },
    "Make": {
        "grammar": "A grammar of words, a dictionary, ARPA, CTC, JSGF, ...",
        "convert": "From form to form: OpenFst, Kaldi, k2, GTN, SLF, ...",
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

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. What cannot be written is told apart from click's own notion of it."""
        try:
            status = super().invoke(ctx)
            sys.stdout.flush()
            return status
        except BrokenPipeError:
            _discard_output()  # the reader has all it wants
            raise click.exceptions.Exit(0) from None
        except OSError as error:
            _discard_output()
            raise OutputError(f"cannot write the output: {error.strerror or error}") from None
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

    Exit status: 0 done; 1 sound input without an answer; 2 usage; 3 bad data; 4 a divergent sum or a failed check.

    Examples:
      lattice samples .
      lattice viterbi samples/lecture-34.json -n 3
    """


class OutputError(LatticeError):
    """Standard output cannot take what is written to it."""

    exit_status = 3


def _say_notes() -> None:
    """What is left of the notes of readers, such as those of grammars, if anything was read at all."""
    # Were it imported before, help would load what it has no use for.
    if "lattice_cli.formats.io.notes" in sys.modules:
        from lattice_cli.cli.terminal import begin_notes, say_notes

        say_notes(last=True)
        begin_notes()


def _discard_output() -> None:
    """Let Python flush into nothing when it exits, so that it does not complain once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _message(error: click.ClickException) -> str:
    """What click says of the command line, as all other messages are said."""
    from lattice_cli.errors import printable

    told = error.format_message().replace("a valid integer range", "a whole number")
    told = told.replace("a valid float range", "a number").removesuffix(".")
    context = error.ctx if isinstance(error, click.UsageError) else None
    return printable(told) + ("" if context is None else f" ({context.command_path} --help says what there is)")


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line and exit with its status."""
    if sys.stdout is None:
        print("lattice: standard output is closed", file=sys.stderr)
        sys.exit(OutputError.exit_status)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a label that the terminal cannot show is still shown
    one_thread()
    collect_seldom()
    try:
        status = cli.main(arguments, prog_name="lattice", standalone_mode=False)
    except click.exceptions.Exit as error:
        status = error.exit_code
    except click.ClickException as error:
        print(f"lattice: {_message(error)}", file=sys.stderr)
        status = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        status = 130
    except MemoryError as error:
        print(f"lattice: not enough memory: {error}", file=sys.stderr)
        status = 4
    except LatticeError as error:
        from lattice_cli.errors import printable

        print(f"lattice: {printable(str(error))}", file=sys.stderr)
        status = error.exit_status
    sys.exit(status if isinstance(status, int) else 0)
