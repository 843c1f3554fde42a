"""Records made ready to be searched for what is wanted of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from lattice_cli.graph.combine import ADD, Combine
from lattice_cli.graph.document import Document
from lattice_cli.inference.interpretation import Grammar, Interpretation, interpret
from lattice_cli.inference.judges import Judges


@dataclass(frozen=True)
class Need:
    """What a search is for: the n best paths or distinct answers, and all paths within `margin` nats of the best.

    beam, most: limits that the user set, which may lose paths (see Limits).
    """

    n: int = 1
    distinct: bool = False
    margin: float = 0.0
    beam: float = np.inf
    most: int | None = None

    @property
    def limited(self) -> bool:
        """True if paths may be lost."""
        return np.isfinite(self.beam) or self.most is not None

    @property
    def single(self) -> bool:
        """True if nothing but the best path is wanted."""
        return self.n == 1 and self.margin == 0


def interpretations(
    documents: Iterable[Document],
    grammar: Grammar | None,
    ctc: str | None,
    combine: Combine = ADD,
    need: Need | None = None,
    judges: Judges | None = None,
) -> Iterator[Interpretation]:
    """Each record ready to be searched, in order. need: what is wanted of it, None for all of its paths.

    Raises FormatError if the blank is not a label of a record.
    """
    if need is None or combine is not ADD or (grammar is None and ctc is None):
        for document in documents:
            yield interpret(document, grammar, ctc, combine, judges)
        return
    from lattice_cli.inference.rowwise import searched

    yield from searched(documents, grammar, ctc, need, judges)
