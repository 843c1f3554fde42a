"""Makes samples/translation: invented Spanish sentences, what they are in English, and a lexicon as a transducer.

    python benchmarks/accuracy/make_translation_samples.py [FOLDER]

Sentences are drawn from frames: who does what to which thing. Several Spanish words have more than one translation, and
mostly the words about them decide which (lleva un reloj: wears a watch; lleva un libro: carries a book); that of carta
behind lee cannot be told. Adjectives stand behind their noun in Spanish, before it in English. The transducer
`lexicon.json` has every translation at energy 0 and takes a noun and its adjective in either order. The same seed gives
the same files.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
SEED, TRAIN, TEST = 18, 300, 150

#: Noun -> gender and translations.
NOUNS = {
    "niña": ("f", ["girl"]),
    "mujer": ("f", ["woman"]),
    "amigo": ("m", ["friend"]),
    "perro": ("m", ["dog"]),
    "reloj": ("m", ["clock", "watch"]),
    "abrigo": ("m", ["coat"]),
    "libro": ("m", ["book"]),
    "carta": ("f", ["letter", "card", "menu"]),
    "llave": ("f", ["key", "wrench"]),
    "mesa": ("f", ["table"]),
    "piano": ("m", ["piano"]),
    "guitarra": ("f", ["guitar"]),
    "tren": ("m", ["train"]),
    "río": ("m", ["river"]),
    "banco": ("m", ["bank", "bench"]),
    "estación": ("f", ["station", "season"]),
    "casa": ("f", ["house", "home"]),
}
ADJECTIVES = {
    "viejo": ["old"], "pequeño": ["small", "little"], "nuevo": ["new"], "grande": ["big", "great"], "rojo": ["red"],
}  # fmt: skip
WHO = ["niña", "mujer", "amigo", "perro"]
#: What is done, and to what: Spanish, English, and things with their translation.
FRAMES = [
    ("lleva", "wears", ["reloj:watch", "abrigo:coat"]),
    ("lleva", "carries", ["libro:book", "llave:key", "mesa:table"]),
    ("toca", "plays", ["piano:piano", "guitarra:guitar"]),
    ("toca", "touches", ["mesa:table", "perro:dog", "reloj:clock"]),
    ("mira", "watches", ["tren:train", "río:river", "reloj:clock"]),
    ("espera en", "waits at", ["estación:station", "banco:bank"]),
    ("duerme en", "sleeps on", ["banco:bench", "mesa:table"]),
    ("duerme en", "sleeps in", ["casa:house", "tren:train"]),
    ("lee", "reads", ["libro:book", "carta:letter", "carta:menu"]),
    ("juega con", "plays with", ["perro:dog", "carta:card"]),
]
OTHERS = {
    "el": ["the"], "la": ["the"], "un": ["a"], "una": ["a"], "hoy": ["today"], "en": ["in", "on", "at"],
    "con": ["with"], "lleva": ["wears", "carries"], "toca": ["plays", "touches"], "mira": ["watches"],
    "espera": ["waits", "hopes"], "duerme": ["sleeps"], "lee": ["reads"], "juega": ["plays"],
}  # fmt: skip


def ending(adjective: str, gender: str) -> str:
    return adjective[:-1] + "a" if gender == "f" and adjective.endswith("o") else adjective


def phrase(noun: str, english: str, rng: np.random.Generator) -> tuple[list[str], list[str]]:
    """A noun with its article and sometimes an adjective."""
    gender, known = NOUNS[noun][0], rng.random() < 0.6
    article = {"m": ("el", "un"), "f": ("la", "una")}[gender][0 if known else 1]
    source, target = [article, noun], ["the" if known else "a", english]
    if rng.random() < 0.5:
        adjective = str(rng.choice(list(ADJECTIVES)))
        source.append(ending(adjective, gender))
        target.insert(1, ADJECTIVES[adjective][0])
    return source, target


def sentence(rng: np.random.Generator) -> tuple[list[str], list[str]]:
    """Spanish and English."""
    who = str(rng.choice(WHO))
    verb, english, things = FRAMES[int(rng.integers(len(FRAMES)))]
    thing, meant = str(rng.choice(things)).split(":")
    first, second = phrase(who, NOUNS[who][1][0], rng), phrase(thing, meant, rng)
    source, target = first[0] + verb.split() + second[0], first[1] + english.split() + second[1]
    return (["hoy", *source], ["today", *target]) if rng.random() < 0.2 else (source, target)


def lexicon() -> dict[str, object]:
    """The transducer: any word by any of its translations; an adjective may go before its noun."""
    arcs: list[list[object]] = []
    for word, translations in OTHERS.items():
        arcs += [["0", "0", word, each, 0.0] for each in translations]
    for noun, (gender, translations) in NOUNS.items():
        arcs += [["0", "0", noun, each, 0.0] for each in translations]
        arcs.append(["0", noun, noun, None, 0.0])
        for adjective, meanings in ADJECTIVES.items():
            arcs += [[noun, f"{noun}+", ending(adjective, gender), each, 0.0] for each in meanings]
        arcs += [[f"{noun}+", "0", None, each, 0.0] for each in translations]
    for adjective, meanings in ADJECTIVES.items():
        for word in sorted({ending(adjective, gender) for gender in "mf"}):
            arcs += [["0", "0", word, each, 0.0] for each in meanings]
    return {"lattice": 1, "id": "lexicon", "start": "0", "final": "0", "arcs": arcs}


def write(path: Path, sentences: list[tuple[list[str], list[str]]]) -> None:
    """A line each: the Spanish words in a row as a graph, the English ones as its target."""
    lines = []
    for number, (source, target) in enumerate(sentences):
        arcs = [[place, place + 1, word] for place, word in enumerate(source)]
        record = {"lattice": 1, "id": f"{path.stem}-{number:03d}", "target": " ".join(target)}
        lines.append(json.dumps({**record, "start": 0, "final": len(source), "arcs": arcs}, ensure_ascii=False) + "\n")
    path.write_text("".join(lines), encoding="utf-8")


def main() -> None:
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "samples" / "translation"
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(SEED)
    made = [sentence(rng) for _ in range(TRAIN + TEST)]
    write(out / "train.jsonl", made[:TRAIN])
    write(out / "test.jsonl", made[TRAIN:])
    (out / "english.txt").write_text("".join(f"{' '.join(target)}\n" for _, target in made[:TRAIN]), encoding="utf-8")
    (out / "lexicon.json").write_text(json.dumps(lexicon(), ensure_ascii=False) + "\n", encoding="utf-8")
    for path in sorted(out.iterdir()):
        print(f"{path.name}  {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
