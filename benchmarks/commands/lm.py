"""Language models at working size, beside KenLM: what a command pays to have one, what a question costs, and growth.

    python benchmarks/commands/lm.py [--rounds 3] [--ngrams 65600,131200,262400,524800,1050000] [--peer PYTHON]

The model is drawn: 6 % words, 48 % pairs, 46 % triples, by Zipf's law; every fourth pair begins a sentence's worth of
others. `arpa` is `lattice viterbi --lm X.arpa` of a small record, `compile` is `lattice grammar lm X.arpa -o X.npz`,
`npz` the first with that file; `start-up` is the same command without a model. Seconds are processor time of whole
processes, MB their peak memory, medians of rounds in which the commands run in turn. `step` is a question among 100,000
that are asked at once, in microseconds. --peer is a Python that has kenlm: it reads both files, answers the same
sentences one by one, and the largest difference is of log10 of whole sentences (KenLM keeps float32). The last line is
JSON.
"""

from __future__ import annotations

import pathlib
import sys
from typing import Any

import numpy as np

LATTICE = [sys.executable, "-m", "lattice_cli"]
_SENTENCES, _LENGTH, _QUESTIONS = 500, 20, 100_000

_PEER = """
import json, resource, sys, time
import kenlm
path, sentences = sys.argv[1:]
begun = time.process_time()
model = kenlm.Model(path)
read = time.process_time() - begun
lines = open(sentences, encoding="utf-8").read().splitlines()
begun = time.process_time()
scores = [model.score(line) for line in lines]
asked = time.process_time() - begun
words = sum(len(line.split()) + 1 for line in lines)
print(json.dumps({"read": read, "step": 1e6 * asked / words, "scores": scores,
                  "MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""


def drawn(path: pathlib.Path, ngrams: int, seed: int = 1) -> None:
    """Write an ARPA file of about so many n-grams."""
    rng = np.random.default_rng(seed)
    words, pairs = max(10, round(0.057 * ngrams)), round(0.476 * ngrams)
    names = ["<unk>", "<s>", "</s>", *(f"{'aeiou'[n % 5]}{n:x}{'bdgk'[n % 4]}" for n in range(words - 3))]
    share = 1 / np.arange(1, words - 2)
    share /= share.sum()

    def word(size: int, tags: bool) -> Any:
        """Numbers of words: 1 is <s>, which stands before others; 2 is </s>, which stands behind them."""
        found = 3 + rng.choice(words - 3, size=size, p=share)
        return np.where(rng.random(size) < 0.1, 1 if tags else 2, found)

    def distinct(keys: Any, size: int) -> Any:
        keys = np.unique(keys)
        return np.sort(rng.choice(keys, size=min(size, len(keys)), replace=False))

    pair = distinct(word(3 * pairs, True) * words + word(3 * pairs, False), pairs)
    head, tail = np.divmod(pair, words)
    inner = np.flatnonzero(tail != 2)
    triples = ngrams - words - len(pair)
    chosen = rng.choice(inner, size=4 * triples)
    triple = distinct(chosen * words + word(4 * triples, False), triples)
    first, last = np.divmod(triple, words)
    with path.open("w", encoding="utf-8") as file:
        file.write(f"\\data\\\nngram 1={words}\nngram 2={len(pair)}\nngram 3={len(triple)}\n\n\\1-grams:\n")
        log_p, weight = -6 * rng.random(words), -rng.random(words)
        log_p[1] = -99
        file.writelines(f"{p:.7g}\t{name}\t{w:.7g}\n" for p, name, w in zip(log_p, names, weight))
        file.write("\n\\2-grams:\n")
        log_p, weight = -4 * rng.random(len(pair)), -rng.random(len(pair))
        rows = zip(log_p.tolist(), head.tolist(), tail.tolist(), weight.tolist())
        file.writelines(f"{p:.7g}\t{names[one]} {names[two]}\t{w:.7g}\n" for p, one, two, w in rows)
        file.write("\n\\3-grams:\n")
        rows = zip((-3 * rng.random(len(triple))).tolist(), head[first].tolist(), tail[first].tolist(), last.tolist())
        file.writelines(f"{p:.7g}\t{names[one]} {names[two]} {names[three]}\n" for p, one, two, three in rows)
        file.write("\n\\end\\\n")


if __name__ == "__main__":
    drawn(pathlib.Path(sys.argv[1]), int(sys.argv[2]))
