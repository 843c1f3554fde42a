"""The command group: finds commands by name, and turns errors into messages and exit statuses, once for all."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

from lattice_cli import __version__
from lattice_cli.cli.terminal import collect_seldom, keep_freed_memory, one_thread
from lattice_cli.errors import LatticeError

#: Command -> one line of help. The command `name` is the function of that name in lattice_cli.cli.commands.name.
COMMANDS = {
    "compose": "Compose recognition graphs with a grammar: the interpretation graphs.",
    "viterbi": "Best paths and answers, the n best, the n best distinct.",
    "forward": "Free energies, posteriors and per-arc gradients.",
    "loss": "The ten losses of energy-based learning, with the gradient of every arc.",
    "sample": "Paths drawn at random by their probability.",
    "evaluate": "Answers against references: error rates, confusions, rejection.",
    "bound": "Variational bounds on free energies: exact, sampled, importance-weighted, fitted.",
    "train": "Learn a recogniser and a grammar through the graph, from labelled data.",
    "grammar": "Build a grammar: words, dictionary, ARPA n-grams, CTC, regular expression, JSGF, FSG.",
    "recognize": "A trained model and inputs: recognition graphs.",
    "prune": "Smaller graphs, with a guarantee of what is kept.",
    "convert": "Graphs from one form to another: OpenFst, Kaldi, k2, GTN, HTK SLF, DOT, JSON, YAML, npz.",
    "draw": "Pictures of graphs: in text, DOT, SVG, PNG; the best path marked.",
    "show": "What is in a file, and is it sound.",
}


class LazyGroup(click.Group):
    """Loads a command's module when the command is used, so that `--help` is instant."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order people need them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now; for listing names a stand-in with its line of help is enough."""
        if cmd_name not in COMMANDS:
            return None
        keep_freed_memory()
        command = getattr(importlib.import_module(f"lattice_cli.cli.commands.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

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


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "--version", prog_name="lattice")
def cli() -> None:
    """Decode and train with lattices: recognition graphs whose arcs carry energies, composed with grammars.

    Energies are costs in nats: lower is better. GRAPH is a file (JSON, YAML, JSON Lines, .npz, .npy, HTK SLF, OpenFst,
    Kaldi, k2 and GTN text, any of them gzipped) or - for standard input. Results are tables; --json prints one JSON
    object a line.

    \b
    Exit status: 0 done; 1 sound input without an answer; 2 usage; 3 bad data;
    4 a divergent sum or a failed check.
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
        if isinstance(error, getattr(click.exceptions, "NoArgsIsHelpError", ())):  # since click 8.2
            error.show()
        else:
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
