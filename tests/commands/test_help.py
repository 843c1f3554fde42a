"""Help: on one screen with -h, whole with --help, pages of topics; every option has its place and its text."""

from __future__ import annotations

import importlib
import os
import pathlib
import re
from collections.abc import Iterator

import click
import pytest
from support import ROOT
from support.commands import ESCAPE, LECTURE, PATIENCE, run, start, terminal

from lattice_cli.cli.help import BLOCKS, BRIEF, OF_COMMAND, PAGES, brief, full, topic_names
from lattice_cli.cli.main import COMMANDS, GROUPS, cli
from lattice_cli.cli.options import FileName

ROWS, COLUMNS = 24, 80
#: Values that are files.
FILES = {"FILE", "GRAPH", "GRAMMAR", "MODEL", "CONFIG", "OUT", "IN", "INPUTS", "RESULTS", "DIR"}


def contexts() -> Iterator[click.Context]:
    """Every command as it is when its help is asked for."""
    root = click.Context(cli, info_name="lattice", max_content_width=100)
    yield root
    for name in COMMANDS:
        command = getattr(importlib.import_module(f"lattice_cli.cli.commands.{name}"), name)
        of_command = click.Context(command, info_name=name, parent=root)
        yield of_command
        if isinstance(command, click.Group):
            for kind, each in command.commands.items():
                yield click.Context(each, info_name=kind, parent=of_command)


CONTEXTS = list(contexts())
OPTIONS = [
    (context, option)
    for context in CONTEXTS
    for option in context.command.get_params(context)
    if isinstance(option, click.Option)
]
each_command = pytest.mark.parametrize("context", CONTEXTS, ids=lambda context: context.command_path)
each_option = pytest.mark.parametrize(
    ("context", "option"), OPTIONS, ids=[f"{context.command_path} {option.opts[-1]}" for context, option in OPTIONS]
)


def long_name(option: click.Option) -> str:
    return next((name for name in option.opts if name.startswith("--")), option.opts[0])


@pytest.fixture(autouse=True)
def _eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(COLUMNS))


# -h and --help --------------------------------------------------------------------------------------------------------


@each_command
def test_the_short_help_is_one_screen(context: click.Context) -> None:
    lines = brief(context).split("\n")
    assert len(lines) < ROWS, "the prompt needs a line too"
    assert max(map(len, lines)) <= COLUMNS
    assert lines[0].startswith(f"Usage: {context.command_path} ")
    assert lines[-1].startswith(f"More: {context.command_path} --help, lattice help")
    examples = [line for line in lines if re.match(r"  (lattice|eval)", line)]
    assert 1 <= len(examples) <= 3  # a pipe of two


@each_command
def test_the_long_help_is_everything(context: click.Context) -> None:
    told = full(context)
    lines = told.split("\n")
    assert max(map(len, lines)) <= COLUMNS
    assert lines[:3] == [lines[0], "", "Examples:"], "examples come right behind the usage line"
    assert "\\b" not in told
    assert "\b" not in told
    for parameter in context.command.get_params(context):
        if isinstance(parameter, click.Option):
            assert all(re.search(rf"^  .*{name}\b", told, re.M) for name in parameter.opts + parameter.secondary_opts)


@each_command
def test_words_that_only_click_has_are_not_in_the_help(context: click.Context) -> None:
    told = full(context) + brief(context)
    assert not re.search(r"INTEGER|FLOAT|\bTEXT\b(?!$)|RANGE|Sentinel|UNSET", told.replace("[OPTIONS] TEXT", ""))


def test_the_two_forms_are_what_the_commands_print() -> None:
    for arguments in ([], ["viterbi"], ["grammar"], ["grammar", "words"]):
        context = next(each for each in CONTEXTS if each.command_path == " ".join(["lattice", *arguments]))
        assert run(*arguments, "-h", env={"COLUMNS": "80"}).out == brief(context) + "\n"
        assert run(*arguments, "--help", env={"COLUMNS": "80"}).out == full(context) + "\n"


def test_without_a_command_the_short_help_is_on_standard_output() -> None:
    assert run() == run("-h")
    assert run("grammar") == run("grammar", "-h")
    assert run().status == 0
    assert "viterbi" in run().out


def test_headings_are_bold_on_a_terminal_only() -> None:
    assert "\x1b[1mWhat to find:\x1b[0m" in terminal("viterbi", "--help").out
    assert "\x1b" not in run("viterbi", "--help").out
    for plain in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b" not in terminal("viterbi", "--help", env=plain).out
    assert ESCAPE.sub("", terminal("viterbi", "--help").out) == run("viterbi", "--help", env={"COLUMNS": "80"}).out


# Options --------------------------------------------------------------------------------------------------------------


@each_option
def test_each_option_has_a_block(context: click.Context, option: click.Option) -> None:
    name = long_name(option)
    there = [title for title, names in BLOCKS.items() if name in names]
    own = OF_COMMAND.get(f"{context.command.name} {name}")
    where = "lattice_cli/cli/help/blocks.py"
    assert there or own, f"{name} of {context.command_path} has no block: put it below a heading of BLOCKS in {where}"
    assert len(there) <= 1, f"{name} is in two blocks of {where}: {there}"


@each_option
def test_the_text_of_an_option_stands_by_itself(context: click.Context, option: click.Option) -> None:
    """Each line may be found by itself, with grep: no text leans on the one above it."""
    text = option.help or ""
    assert text.endswith((".", "...")), text
    assert len(text) >= len("Table of x.")
    assert not re.match(r"(Of|Or|The same|Such|Those|These|With --|Without|Likewise|Also|This|That|It)\b", text)
    assert text[0].isupper() or not text[0].isalpha(), text


def test_blocks_and_lists_name_options_that_there_are() -> None:
    there = {long_name(option) for _, option in OPTIONS}
    assert {name for names in BLOCKS.values() for name in names} <= there
    of_commands = {f"{context.command.name} {long_name(option)}" for context, option in OPTIONS}
    assert set(OF_COMMAND) <= of_commands
    assert set(OF_COMMAND.values()) <= set(BLOCKS)
    assert {f"{command} {name}" for command, names in BRIEF.items() for name in names} <= of_commands


@each_command
def test_each_command_has_its_list_for_the_short_help(context: click.Context) -> None:
    command = context.command
    if not isinstance(command, click.Group):
        assert command.name in BRIEF, f"{command.name} has no line in BRIEF of lattice_cli/cli/help/blocks.py"
        assert len(BRIEF[command.name]) <= 10


def test_each_command_is_in_one_group() -> None:
    listed = [name for group in GROUPS.values() for name in group]
    assert sorted(set(listed)) == sorted(listed) == sorted(COMMANDS)
    modules = {path.stem for path in (ROOT / "lattice_cli" / "cli" / "commands").glob("[!_]*.py")}
    assert set(COMMANDS) == modules - {"grammar_neural"}, "a command in no group cannot be used"


@each_command
def test_what_is_a_file_completes_as_one(context: click.Context) -> None:
    for parameter in context.command.params:
        words = set(re.findall(r"[A-Z]+", parameter.metavar or ""))
        if words & FILES and "NAME" not in words:
            assert isinstance(parameter.type, FileName), f"{parameter.name}: expected type=file_read or file_named"


def test_one_letter_has_a_long_form() -> None:
    short = [option for _, option in OPTIONS if len(option.opts) == 1 and not option.opts[0].startswith("--")]
    assert {option.opts[0] for option in short} == {"-h"}
    assert run("viterbi", LECTURE, "--nbest", "3").out == run("viterbi", LECTURE, "-n", "3").out
    assert run("sample", LECTURE, "--samples", "3").out == run("sample", LECTURE, "-n", "3").out
    assert run("evaluate", LECTURE, "--nbest", "3").out == run("evaluate", LECTURE, "-n", "3").out


def test_an_option_before_the_command_is_told_where_it_belongs() -> None:
    done = run("--json", "viterbi", LECTURE)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("lattice: --json goes behind the command: lattice viterbi ... --json")
    assert "No such option '--jsno'" in run("--jsno").err


# Topics ---------------------------------------------------------------------------------------------------------------


def test_commands_and_topics_are_listed() -> None:
    done = run("help")
    assert (done.status, done.err) == (0, "")
    for name in (*COMMANDS, *topic_names()):
        assert re.search(rf"^  {name}  +\S", done.out, re.M), name
    assert max(map(len, done.out.splitlines())) <= COLUMNS


@pytest.mark.parametrize("names", [["viterbi"], ["grammar", "words"], ["show"]], ids=" ".join)
def test_help_of_a_command_is_its_long_help(names: list[str]) -> None:
    assert run("help", *names) == run(*names, "--help")


def test_a_topic_is_its_page_as_it_is_in_a_pipe() -> None:
    page = (ROOT / "lattice_cli" / "pages" / "ctc.md").read_text(encoding="utf-8")
    assert run("help", "ctc").out == page
    both = run("help", "train").out
    assert both == run("train", "--help").out + "\n" + (ROOT / "lattice_cli" / "pages" / "train.md").read_text()
    assert run("help", "architecture").out == (ROOT / "lattice_cli" / "README.md").read_text(encoding="utf-8")


def test_a_topic_is_set_on_a_terminal_and_its_code_is_whole() -> None:
    shown = terminal("help", "ctc", env={"PAGER": "cat"}).out
    page = (ROOT / "lattice_cli" / "pages" / "ctc.md").read_text(encoding="utf-8")
    assert "\x1b[1mEmission matrices and CTC\x1b[0m" in shown
    assert "```" not in shown
    lines = [line.strip() for line in ESCAPE.sub("", shown).splitlines()]
    for block in re.findall(r"^```console\n(.*?)^```$", page, re.M | re.S):
        assert all(line.strip() in lines for line in block.splitlines())
    assert "\x1b" not in terminal("help", "ctc", env={"PAGER": "cat", "NO_COLOR": "1"}).out


def test_the_pager_is_told_to_show_colours_and_to_end_where_a_page_fits(tmp_path: pathlib.Path) -> None:
    import pty

    pager = tmp_path / "pager"
    pager.write_text("#!/bin/sh\ncat > /dev/null\necho LESS is $LESS\n")
    pager.chmod(0o755)
    leader, follower = pty.openpty()  # click pages only what a person is sitting at, standard input included
    env = {"PAGER": str(pager), "TERM": "xterm"}
    assert "LESS is -S" in terminal("help", "ctc", env={**env, "LESS": "-S"}, stdin=follower).out
    if "LESS" not in os.environ:
        assert "LESS is FIRX" in terminal("help", "ctc", env=env, stdin=follower).out
    os.close(leader)
    os.close(follower)


def test_an_unknown_topic_is_told_what_there_is() -> None:
    done = run("help", "vitrebi")
    assert (done.status, done.out) == (2, "")
    assert "no help on 'vitrebi'. Did you mean 'viterbi'? There is: show," in done.err
    assert ", ctc, " in done.err
    assert run("help", "grammar", "wrods").status == 2


def test_pages_that_help_points_to_are_there() -> None:
    assert {page for pages in PAGES.values() for page in pages} <= set(topic_names())
    assert set(PAGES) <= {context.command.name for context in CONTEXTS}


def test_where_to_report_is_told() -> None:
    assert "To report a fault: an issue where this copy comes from" in " ".join(run("--help").out.split())


def test_the_version_is_what_a_report_needs() -> None:
    lines = run("--version").out.splitlines()
    assert lines[0].startswith("lattice, version ")
    found = {line.split()[0]: line.split(" ", 1)[1] for line in lines[1:-1]}
    assert list(found) == ["Python", "numpy", "click", "rich", "pyyaml", "numba", "torch", "onnxruntime"]
    assert all(re.fullmatch(r"\d+\.\d.*|not installed", version) for version in found.values())
    assert found["numpy"] != "not installed"


# Waiting --------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["viterbi", "-"], b'{"lattice": 1, "start": 0, "final": 1, "arcs": [[0, 1, "x", 1]]}\n'),
        (["grammar", "words", "-"], b"cut\n"),
        (["viterbi", LECTURE, "-g", "-"], b"words: [341]\n"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_command_that_waits_for_the_terminal_says_so(arguments: list[str], text: bytes) -> None:
    import pty

    leader, follower = pty.openpty()
    os.write(leader, text + b"\x04")
    process = start(*arguments, stdin=follower)
    os.close(follower)
    said = process.communicate(timeout=PATIENCE)[1].decode()
    os.close(leader)
    assert said.startswith("lattice: reading from the terminal; end with Ctrl-D\n")
    assert said.count("reading from the terminal") == 1


def test_nothing_is_said_of_waiting_for_a_pipe() -> None:
    assert "terminal" not in run("viterbi", "-", text='{"lattice": 1, "start": 0, "final": 0, "arcs": []}').err
