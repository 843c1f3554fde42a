"""Answers as other programs read them: NIST's CTM and trn, Kaldi's text, SubRip captions.

CTM (sclite, SCTK): `id channel begin duration word confidence`, seconds. trn: the words, then the id in parentheses.
text: the id, then the words. srt: numbered captions, `hh:mm:ss,mmm --> hh:mm:ss,mmm`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from lattice_cli.errors import FormatError, printable

if TYPE_CHECKING:
    from lattice_cli.graph import Document
    from lattice_cli.records import Decoding
    from lattice_cli.records.decoding import Word

#: The channel of a recording that has only one.
_CHANNEL = "1"
#: A caption has words up to so many characters, and ends where nobody speaks for so long, seconds.
_CAPTION, _SILENCE = 42, 1.0


def ctm(document: Document, found: Decoding) -> Iterator[str]:
    """A line a word, of the best answer. Raises FormatError where a word has no time."""
    name = _name(document.id)
    for word in _timed(found):
        assert word.begin is not None
        assert word.end is not None
        sure = "" if word.confidence is None else f" {word.confidence:.6f}"
        yield f"{name} {_CHANNEL} {word.begin:.3f} {word.end - word.begin:.3f} {_word(word.label)}{sure}"


def trn(document: Document, found: Decoding) -> Iterator[str]:
    """The best answer with the id behind it."""
    yield f"{_one_line(found.paths[0].text)} ({_name(document.id)})".lstrip()


def text(document: Document, found: Decoding) -> Iterator[str]:
    """Answers with the id before them; of several the id and the rank, as Kaldi's n-best lists have it."""
    several = len(found.paths) > 1
    for rank, path in enumerate(found.paths, 1):
        name = _name(document.id) + (f"-{rank}" if several else "")
        yield f"{name} {_one_line(path.text)}".rstrip()


def srt(document: Document, found: Decoding) -> Iterator[str]:
    """Captions of the best answer. Raises FormatError where a word has no time."""
    for number, words in enumerate(_captions(_timed(found)), 1):
        said = _one_line(" ".join(word.label for word in words))
        yield f"{number}\n{_clock(words[0].begin)} --> {_clock(words[-1].end)}\n{said}\n"


def _captions(words: Sequence[Word]) -> Iterator[list[Word]]:
    caption: list[Word] = []
    for word in words:
        length = sum(len(each.label) + 1 for each in caption) + len(word.label)
        if caption and (length > _CAPTION or (word.begin or 0.0) - (caption[-1].end or 0.0) >= _SILENCE):
            yield caption
            caption = []
        caption.append(word)
    if caption:
        yield caption


def _clock(seconds: float | None) -> str:
    whole = round(1000 * (seconds or 0.0))
    minutes, milliseconds = divmod(whole, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{milliseconds // 1000:02d},{milliseconds % 1000:03d}"


def _timed(found: Decoding) -> list[Word]:
    """The words of the best answer. Raises FormatError if one of them has no time."""
    from lattice_cli.records.decoding import spelled_words

    words = found.paths[0].words or []
    if found.spelling is not None and found.spelling.kind == "characters":
        words = spelled_words(words, found.spelling)
    if any(word.begin is None or word.end is None for word in words):
        raise FormatError("its words have no times, which CTM and captions are made of")
    return words


def _name(record_id: str) -> str:
    """An id as one word."""
    return "_".join(printable(record_id).split()) or "_"


def _one_line(said: str) -> str:
    if "\n" in said or "\r" in said:
        raise FormatError(f"the answer {said[:40]!r} has a line break, which a line cannot hold")
    return said


def _word(label: str) -> str:
    if not label or len(label.split()) != 1 or label.split()[0] != label:
        raise FormatError(f"the label {label!r} is not one word, as a line of CTM needs it")
    return label
