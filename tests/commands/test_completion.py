"""Completion: what shells ask for and what they get; bash itself, where it is there."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import time

import pytest
from support import ROOT
from support.commands import ENVIRONMENT, PATIENCE, imports_of, run

from lattice_cli.cli.help import topic_names
from lattice_cli.cli.main import COMMANDS


def completed(*words: str) -> list[str]:
    """What bash is told for the last of these words: type,value."""
    env = {
        "_LATTICE_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["lattice", *words]),
        "COMP_CWORD": str(len(words)),
    }
    done = run(env=env)
    assert (done.status, done.err) == (0, "")
    return done.out.splitlines()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("vi",), ["plain,viterbi"]),
        (("co",), ["plain,compose", "plain,convert", "plain,completion"]),
        (("viterbi", "sam"), ["file,sam"]),
        (("viterbi", "x.json", "y"), ["file,y"]),
        (("viterbi", "-g", "gram"), ["file,gram"]),
        (("viterbi", "--lm", ""), ["file,"]),
        (("viterbi", "--be"), ["plain,--beta", "plain,--beam"]),
        (("viterbi", "--of", "gr"), ["plain,grammar"]),
        (("evaluate", "-r", "x"), ["file,x"]),
        (("convert", "a.json", "b"), ["file,b"]),
        (("train", "co"), ["file,co"]),
        (("bound", "--proposal", "q"), ["file,q"]),
        (("grammar", "re"), ["plain,regex"]),
        (("grammar", "words", "li"), ["file,li"]),
        (("grammar", "union", "a", "--spell", ""), ["file,"]),
        (("help", "ct"), ["plain,ctc"]),
        (("help", "grammar", "wo"), ["plain,words"]),
        (("help", "ctc", ""), [""]),
        (("samples", "d"), ["dir,d"]),
        (("completion", ""), ["plain,bash", "plain,zsh", "plain,fish"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_is_completed(words: tuple[str, ...], expected: list[str]) -> None:
    assert completed(*words) == expected


def test_every_command_and_topic_is_completed() -> None:
    assert completed("") == [f"plain,{name}" for name in COMMANDS]
    assert completed("help", "") == [f"plain,{name}" for name in dict.fromkeys([*COMMANDS, *topic_names()])]


@pytest.mark.parametrize(
    "words", ["lattice vi", "lattice viterbi --be", "lattice help ct", "lattice viterbi sam"], ids=lambda words: words
)
def test_nothing_heavy_is_loaded_to_complete(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"COMPLETE": "bash_complete", "WORDS": words, "CWORD": str(words.count(" "))}.items():
        monkeypatch.setitem(ENVIRONMENT, f"_LATTICE_{name}" if name == "COMPLETE" else f"COMP_{name}", value)
    done, modules = imports_of()
    assert done.out
    assert not {module.split(".")[0] for module in modules} & {"numpy", "rich", "yaml"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_what_is_sourced_says_how_in_a_comment(shell: str) -> None:
    done = run("completion", shell)
    assert (done.status, done.err) == (0, "")
    comments = [line for line in done.out.splitlines()[:2] if line.startswith("# ")]
    assert len(comments) == 1
    assert f"lattice completion {shell}" in comments[0]
    assert f"_LATTICE_COMPLETE={shell}_complete" in done.out
    assert shell != "zsh" or done.out.startswith("#compdef lattice\n")
    if shutil.which(shell):
        assert subprocess.run([shell, "-n"], input=done.out, text=True, check=False).returncode == 0


def test_another_shell_is_a_usage_error() -> None:
    assert run("completion", "tcsh").status == 2


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes_commands_options_and_files(tmp_path: pathlib.Path) -> None:
    """Real bash on a pseudo-terminal: Tab is pressed, and the line that it makes is run."""
    import pty

    program = tmp_path / "bin" / "lattice"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\n[ -z "$_LATTICE_COMPLETE" ] && exec echo "RAN[$*]"\nexec "{sys.executable}" -m lattice_cli\n'
    )
    program.chmod(0o755)
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / "one-file.json").write_text("")
    (tmp_path / "source.sh").write_text(run("completion", "bash").out)
    env = {
        **ENVIRONMENT,
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "TERM": "dumb",
        "PS1": "@ ",
    }
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        ["bash", "--norc", "--noprofile", "-i"],
        cwd=tmp_path, env=env, stdin=follower, stdout=follower, stderr=follower, start_new_session=True,
    )  # fmt: skip
    os.close(follower)

    def typed(text: str, awaited: str) -> str:
        os.write(leader, text.encode())
        shown, end = "", time.monotonic() + PATIENCE
        while awaited not in shown:
            assert time.monotonic() < end, shown
            shown += os.read(leader, 1 << 16).decode()
        return shown

    try:
        typed("bind 'set enable-bracketed-paste off'; source source.sh; echo rea''dy\n", "ready")
        for begun, whole in [
            ("lattice vit\t", "lattice viterbi "),
            ("lattice viterbi sam\t", "lattice viterbi samples/"),
            ("lattice viterbi samples/o\t", "lattice viterbi samples/one-file.json "),
            ("lattice viterbi -g samples/o\t", "lattice viterbi -g samples/one-file.json "),
            ("lattice viterbi --conf\t", "lattice viterbi --confidence "),
            ("lattice help ct\t", "lattice help ctc "),
        ]:
            typed(begun, whole)
            assert (
                f"RAN[{whole.removeprefix('lattice ').rstrip()}]"
                in typed("\n", "RAN[" + whole.removeprefix("lattice ").rstrip()) + "]"
            )
    finally:
        os.close(leader)
        process.kill()
        process.wait(timeout=PATIENCE)
