"""The completion command: what a shell sources to complete commands, options and files."""

from __future__ import annotations

import click

from lattice_cli.cli.options import StrictCommand

#: Shell -> how what is printed gets into it.
_HOW = {
    "bash": 'eval "$(lattice completion bash)" in ~/.bashrc; bash 4.4 or newer',
    "zsh": 'eval "$(lattice completion zsh)" in ~/.zshrc, behind compinit',
    "fish": "lattice completion fish > ~/.config/fish/completions/lattice.fish",
}


@click.command(cls=StrictCommand)
@click.argument("shell", metavar="bash|zsh|fish", type=click.Choice([*_HOW]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """What a shell sources to complete commands, options, choices, topics and files.

    The comment in what is printed says where it belongs.

    Examples:
      eval "$(lattice completion bash)"
      lattice completion fish > lattice.fish
    """
    from click.shell_completion import ShellComplete, get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None, "click knows the shells of the list"
    # Not the source() of bash, which looks at the bash of this machine.
    source = ShellComplete.source(kind(ctx.find_root().command, {}, "lattice", "_LATTICE_COMPLETE")).strip("\n")
    begin, _, rest = source.partition("\n")  # zsh wants its #compdef first
    click.echo(f"{begin}\n# {_HOW[shell]}\n{rest}" if begin.startswith("#") else f"# {_HOW[shell]}\n{source}")
