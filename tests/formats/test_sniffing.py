"""What a file is, its bytes tell before its name; what is guessed is said."""

from __future__ import annotations

import pathlib

import pytest
from support.commands import records, run

from lattice_cli.errors import FormatError, LatticeError
from lattice_cli.formats import read_one
from lattice_cli.formats.io import ReadOptions, fresh_notes
from lattice_cli.formats.notations import words_of

JSON = '{"lattice": 1, "start": 0, "final": 1, "arcs": [[0, 1, "a", 0.5]]}\n'
YAML = "lattice: 1\nstart: 0\nfinal: 1\narcs:\n- [0, 1, a, 0.5]\n"
SLF = "VERSION=1.0\nN=2 L=1\nI=0\nI=1 W=a\nJ=0 S=0 E=1 a=-0.5\n"
KALDI = "u1\n0 1 5 0.5,0,1_2\n1 0,0,\n"
ATT = "0\t1\ta\ta\t0.5\n1\n"
K2 = "0 1 1 -0.5\n1 2 -1 0\n2\n"
GTN = "0\n1\n0 1 1 2 -0.5\n"
ARPA = "\\data\\\nngram 1=1\n\n\\1-grams:\n-0.5 a\n\n\\end\\\n"
JSGF = "#JSGF V1.0;\ngrammar g;\npublic <s> = a;\n"
FSG = "FSG_BEGIN\nNUM_STATES 2\nSTART_STATE 0\nFINAL_STATE 1\nTRANSITION 0 1 1.0 a\nFSG_END\n"
WORDS = "barn\nbut\t0.5\n"
DICT = "red R EH D\nblue B L UW\n"
TOLD = {"json": JSON, "slf": SLF, "kaldi": KALDI, "att": ATT, "k2": K2, "arpa": ARPA, "jsgf": JSGF, "fsg": FSG}


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    fresh_notes()


def form(name: str, text: str) -> str:
    pathlib.Path(name).write_text(text)
    return read_one(name, ReadOptions()).form


@pytest.mark.parametrize("form_told", TOLD)
@pytest.mark.parametrize("name", ["x.txt", "x", "x.dat", "x.dict", "x.yaml"])
def test_bytes_come_before_names(form_told: str, name: str) -> None:
    expected = "yaml" if (form_told, name) == ("json", "x.yaml") else form_told
    assert form(name, TOLD[form_told]) == expected


@pytest.mark.parametrize("name", ["x.att", "x.slf", "x.k2", "x.csv", "x.ark"])
@pytest.mark.parametrize("form_told", ["json", "slf", "kaldi", "arpa"])
def test_a_signature_is_believed_whatever_the_name(form_told: str, name: str) -> None:
    assert form(name, TOLD[form_told]) == form_told


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("x.txt", WORDS, "words"),
        ("x.txt", DICT, "dict"),
        ("x.dict", DICT, "dict"),
        ("x.dict", "{BRACE B R EY S\n[x] B AE K\n", "dict"),
        ("x.txt", "{brace\n[x]\n", "words"),
        ("x.txt", "7\t1.25\n8\t0.5\n", "words"),
        ("x.txt", "7\n8\n", "words"),
        ("x.jsonl", JSON + JSON.replace("0.5", "1"), "jsonl"),
        ("x", YAML, "yaml"),
        ("x.yml", "{lattice: 1, start: 0, final: 1, arcs: []}", "yaml"),
        ("x", "# a comment\n---\n" + YAML, "yaml"),
        ("x.gtn", GTN, "gtn"),
        ("x.k2", "0 1 1 -0.5\n1 2 -1 0\n2\n", "k2"),
        ("x.txt", "0.5 1.5\n2.5 0.25\n", "matrix"),
    ],
)
def test_a_name_decides_between_readings_that_fit(name: str, text: str, expected: str) -> None:
    pathlib.Path(name).write_text(text)
    pathlib.Path("two.labels").write_text("a\nb\n")
    from lattice_cli.formats import read_records

    options = ReadOptions(labels="two.labels" if expected == "matrix" else None)
    assert next(iter(read_records(name, options))).form == expected


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("x", GTN, "expected --format to say which: att (OpenFst) or gtn (GTN)"),
        ("x", "0 1 1 0.5\n", "expected --format to say which: att (OpenFst) or k2 (k2)"),
        ("x", WORDS, "found 'barn', in no form that is known"),
        ("x", WORDS, "words for a word list"),
        ("x.tsv", "id\trank\tenergy\ttext\na\t1\t0.5\tcut\n", "a table of results, expected graphs (with --json"),
        ("x.trn", "cut (a)\n", "a table of results, expected graphs (with --json"),
        ("x", "╭───╮\n│ id │\n", "a table of results, expected graphs (with --json"),
        ("x.json", "hello\n", "found 'hello', in no form that is known"),
        ("x.safetensors", '\x08\0\0\0\0\0\0\0{"a":{}}', "binary data, in no form that is known"),
        ("x", "from,to,label\n0,1,a\n", "found 'from,to,label', in no form"),
    ],
)
def test_what_cannot_be_told_is_named_with_the_option_that_says_it(name: str, text: str, message: str) -> None:
    with pytest.raises(LatticeError) as caught:
        form(name, text)
    assert message in str(caught.value)


def test_a_guess_is_said_once_and_not_with_quiet() -> None:
    for name in ("one.txt", "two.txt"):
        pathlib.Path(name).write_text(WORDS)
    done = run("viterbi", "one.txt", "two.txt", "--json")
    said = "read as a word list, 2 words"
    assert done.err == f"note: one.txt: {said}\nnote: the same of 1 more input: {said}\n"
    quiet = run("viterbi", "one.txt", "two.txt", "--json", "--quiet")
    assert (quiet.err, quiet.out) == ("", done.out)
    assert run("viterbi", "-", "-g", "one.txt", text=JSON.replace('"a"', '"b"')).err.startswith("lattice: ")


def test_a_grammar_among_records_is_told() -> None:
    pathlib.Path("words.yaml").write_text("lattice: 1\nwords: [a, b]\n")
    pathlib.Path("x.json").write_text(JSON)
    said = "note: words.yaml: a grammar among the records? -g FILE composes the others with it\n"
    for command in ("viterbi", "forward", "sample"):
        assert run(command, "x.json", "words.yaml", "--json").err == said
        assert run(command, "x.json", "x.json", "--json").err == ""
        assert run(command, "x.json", "-g", "words.yaml", "--json").err == ""


def test_show_says_what_a_file_was_read_as() -> None:
    pathlib.Path("x.txt").write_text(KALDI)
    (told,) = records(run("show", "x.txt", "--json").out)
    assert told["read_as"] == "kaldi"
    assert "│ read as            │ kaldi" in run("show", "x.txt").out


# Text that its name leaves open ---------------------------------------------------------------------------------------

DICTIONARIES = {
    "CMUdict": ";;; # CMUdict\nRED  R EH1 D\nRED(1)  R IH1 D\n",
    "Sphinx": "red R EH D\nread R EH D\nread(2) R IY D\n",
    "MFA": "red\t0.99\t0.1\t1.2\t0.9\tr e d\nblue\t1.0\t0.1\t1.0\t1.0\tb l u\n",
    "lexicon.txt": "!SIL SIL\nred r e d\nblue b l u\n",
    "lexiconp.txt": "red 1.0 r e d\nblue 0.5 b l u\nblue 0.25 b l o\n",
    "HTK": "RED  [red]  r e d sp\nSENT-END [] sil\n",
    "BEEP": "# BEEP 1.0\nABACK  ax b ae k\nRED r eh d\n",
    "tabs": "red\tr e d\nI\taj\n",
    "flashlight": "hello \u2581he llo |\nred \u2581red |\n",
}
NO_DICTIONARIES = {
    "phrases": "new york\nlos angeles\n",
    "energies": "red\t0.5\nblue\t1.25\n",
    "mixed": "red\nnew york\n",
    "numbers": "12 7\n345 8\n",
    "brackets": "[noise]\n[laughter]\nred\n",
    "braces": "{red}\nblue\n",
    "short words": "I am\nyou are\n",
    "times": "u1 1 0.0 0.5 red 0.9\nu1 1 0.5 0.3 blue 0.8\n",
    "sentences": "turn on the light\nturn it off\n",
}


@pytest.mark.parametrize("name", ["x.txt", "x"])
@pytest.mark.parametrize("writer", DICTIONARIES)
def test_a_dictionary_is_told_from_a_word_list(writer: str, name: str) -> None:
    pathlib.Path(name).write_text(DICTIONARIES[writer])
    graph = read_one(name, ReadOptions(as_grammar=True)).graph
    assert {"red", "RED"} & set(graph.labels), graph.labels
    assert (name != "x.txt") or (name, "read as dict (words and their phones)") in fresh_notes()


@pytest.mark.parametrize("kind", NO_DICTIONARIES)
def test_a_word_list_is_no_dictionary(kind: str) -> None:
    pathlib.Path("x.txt").write_text(NO_DICTIONARIES[kind])
    graph = read_one("x.txt", ReadOptions(as_grammar=True)).graph
    assert all(len(label) <= 1 for label in graph.labels)
    assert not fresh_notes()


@pytest.mark.parametrize(
    "text",
    [
        "#ABNF 1.0;\n$c = red;\n",
        "$c = red | blue;\n( $c )\n",
        '<?xml version="1.0"?>\n<grammar/>\n',
        "S : NS C\n",
        '("red" nil (((r e d) 1)))\n',
    ],
)
def test_grammars_that_are_not_read_are_no_words(text: str) -> None:
    pathlib.Path("x.txt").write_text(text)
    with pytest.raises(FormatError, match="in no form that is known"):
        read_one("x.txt")


@pytest.mark.parametrize(
    ("text", "words", "said"),
    [
        ("# colours\nred\n", ["# colours", "red"], "1 line with # in front read as words"),
        ("#red\n#\n", ["#", "#red"], ""),
        ("red \n  blue\n", ["blue", "red"], "white space around 2 words is not read"),
        ("the 900\nbe 70\n", ["be 70", "the 900"], "every line is a word and a number"),
        ("   90 the\n7 be\n", ["7 be", "90 the"], "every line is a word and a number"),
        (
            "the\t900\nbe\t70\n",
            ["be", "the"],
            "the numbers behind tabs are read as energies, but look like counts (900)",
        ),
    ],
)
def test_what_a_word_list_seems_to_mean_is_said(text: str, words: list[str], said: str) -> None:
    pathlib.Path("x.txt").write_text(text)
    found = words_of(text, "x.txt")
    assert sorted(word.name for word in found) == words
    assert any(said in text for _, text in fresh_notes()) == bool(said)


def test_a_comment_may_stand_before_an_fsg() -> None:
    fsg = "FSG_BEGIN <g>\nNUM_STATES 2\nSTART_STATE 0\nFINAL_STATE 1\nTRANSITION 0 1 1.0 red\nFSG_END\n"
    pathlib.Path("x.txt").write_text("# made by sphinx\n" + fsg)
    assert read_one("x.txt").graph.labels == ("", "red")
