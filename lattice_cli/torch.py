"""Losses over lattices for people who have a training loop of their own in PyTorch (the extra torch).

    from lattice_cli.torch import LatticeReader, lattice_loss

    reader = LatticeReader(labels, ctc="_", grammar="words.txt")
    for inputs, lengths, targets in batches:
        energies = -network(inputs).log_softmax(-1)              # (records, steps, labels)
        loss = lattice_loss(energies, reader.graphs(targets, lengths))
        loss.backward()

The graphs are summed in float64 whatever the energies are; what goes back to the network is the derivative by each
energy, after a sum over paths a posterior.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch  # type: ignore[import-not-found,import-untyped,unused-ignore]

from lattice_cli.arrays import FloatArray
from lattice_cli.choices import LATENTS
from lattice_cli.errors import FormatError, UsageError, counted
from lattice_cli.grammars import NgramGrammar, ctc_topology
from lattice_cli.graph import Document, Graph, Target, label_loop, numbered_document
from lattice_cli.learning.grammars import LearnedGrammar, learned_grammar
from lattice_cli.learning.losses import (
    LOSSES,
    AnswerGraphs,
    AnswerPaths,
    Batch,
    FreeAnswers,
    Objective,
    Settings,
)
from lattice_cli.learning.modules import TorchModule
from lattice_cli.learning.networks import Parameters
from lattice_cli.learning.recognizers import Example, first_arcs
from lattice_cli.learning.training import ModelCascade, ModelFactor
from lattice_cli.models import load_model, read_grammar_argument
from lattice_cli.records import target_labels

#: What an answer may be given as: a text, labels, or numbers of classes.
Answer: TypeAlias = "str | Sequence[str] | Sequence[int] | torch.Tensor"
_WEIGHTS = "grammar.weights"


class LatticeReader:
    """How energies are read: the labels of the classes, in their order, and what stands between them and the answers.

    ctc: the blank, one of the labels; None: a label a step. grammar: a file as -g takes it, a record or a graph, behind
    that. learn: a weight for each of its arcs, and of its starts and finals, is added to their energies, which
    lattice_loss takes and gives a gradient to; `weights` is how many these are, else 0. Raises FormatError, UsageError.
    """

    def __init__(
        self,
        labels: Sequence[str],
        *,
        ctc: str | None = None,
        grammar: str | Path | Document | Graph | None = None,
        learn: bool = False,
    ) -> None:
        self.labels = tuple(labels)
        if len(set(self.labels)) < len(self.labels) or "" in self.labels:
            raise UsageError("labels: one is empty or there twice")
        if ctc is not None and ctc not in self.labels:
            raise UsageError(f"the blank {ctc!r} is not one of the labels, expected it where the network has it")
        table = ("", *self.labels)
        self._cascade: ModelCascade | None = None
        self.paths: AnswerPaths
        self.weights = 0
        factors = []
        if grammar is not None:
            own = _grammar(grammar, "arcs" if learn else "none")
            factors.append(ModelFactor("grammar", own))
        elif learn:
            raise UsageError("learn is about a grammar, which is not given")
        if ctc is not None and not factors:
            self.paths = FreeAnswers(table, self.labels.index(ctc))
            return
        if ctc is not None or not factors:
            first = ctc_topology(table, table.index(ctc)) if ctc is not None else label_loop(self.labels)
            factors.insert(
                0,
                ModelFactor("alignment", learned_grammar(numbered_document(first, "ctc", "ctc"), "none"), "alignment."),
            )
        self._cascade = ModelCascade.of(factors)
        self.weights = len(self._fixed.get(_WEIGHTS, ())) if learn else 0
        self.paths = AnswerGraphs(self._cascade.graph, table)

    @cached_property
    def _fixed(self) -> Parameters:
        """What the cascade is at where nothing is learned."""
        return {} if self._cascade is None else self._cascade.initial(np.random.default_rng(0))

    def energies(self, weights: FloatArray | None) -> tuple[FloatArray, Callable[[FloatArray], FloatArray]]:
        """(columns,) energies of what stands behind the steps, and the way back to the weights."""
        if self._cascade is None:
            return np.zeros(0), lambda by_column: by_column
        found, pull = self._cascade.energies(self._fixed if weights is None else {**self._fixed, _WEIGHTS: weights})
        return found, lambda by_column: pull(by_column)[_WEIGHTS]

    def graphs(
        self,
        targets: Sequence[Answer],
        lengths: Sequence[int] | torch.Tensor | None = None,
        *,
        lattices: Sequence[Graph] | None = None,
        unspelled: str = "error",
    ) -> LatticeGraphs:
        """What the energies of some records are read through, for lattice_loss.

        targets: the right answer of each. lengths: (records,) steps of each; None: all that the energies have.
        lattices: graphs instead of steps, whose arcs the energies are of. unspelled: of a target that its record has no
        path for, an error, or skip: a loss of 0 that does not count in a mean.
        """
        if unspelled not in ("error", "skip"):
            raise UsageError(f"unspelled is {unspelled!r}, expected error or skip")
        answers = [self._labels(target, number) for number, target in enumerate(targets)]
        rows = None if lengths is None else [int(each) for each in lengths]
        for name, given in (("lengths", rows), ("lattices", lattices)):
            if given is not None and len(given) != len(answers):
                raise UsageError(f"{counted(len(answers), 'target')}, but {len(given)} {name}")
        return LatticeGraphs(self, answers, rows, lattices, unspelled == "skip")

    def _labels(self, target: Answer, number: int) -> Target:
        if isinstance(target, torch.Tensor):
            target = target.tolist()
        if isinstance(target, str):
            return target_labels(target, ("", *self.paths.said))
        found = [self.labels[each] if isinstance(each, int) else each for each in target]
        unknown = [label for label in found if label not in self.paths.said]
        if unknown:
            raise UsageError(f"record {number}: label {unknown[0]!r} of the target is not one that answers are made of")
        return tuple(found)


def _grammar(given: str | Path | Document | Graph, learn: str) -> LearnedGrammar:
    found = read_grammar_argument(str(given)) if isinstance(given, (str, Path)) else given
    if isinstance(found, NgramGrammar):
        found = found.whole
    if isinstance(found, Graph):
        found = numbered_document(found, "grammar", "grammar")
    if not isinstance(found, Document):
        raise UsageError(f"{given}: expected a grammar that is one graph")
    return learned_grammar(found, learn)


@dataclass(eq=False)
class LatticeGraphs:
    """Answers of some records, and the graphs that go with them, which are made when a loss first asks for them."""

    reader: LatticeReader
    targets: Sequence[Target]
    lengths: Sequence[int] | None
    lattices: Sequence[Graph] | None
    skips: bool
    _made: dict[Any, tuple[Batch, list[int]]] = field(default_factory=dict, init=False, repr=False)

    def batch(self, objective: Objective, steps: int) -> tuple[Batch, list[int]]:
        """For these many steps where there are no lengths; and which records it is of. Raises FormatError for a target
        that its record has no path for."""
        key = (objective, steps)
        if key not in self._made:
            rows = self.lengths if self.lengths is not None else [steps] * len(self.targets)
            graphs: Sequence[Graph | None] = self.lattices if self.lattices is not None else [None] * len(self.targets)
            examples = [
                Example(
                    str(number),
                    f"record {number}",
                    (target,),
                    graph,
                    0 if graph else length,
                    _NONE,
                    range(1 + length if graph is None else graph.nodes),
                )
                for number, (target, graph, length) in enumerate(zip(self.targets, graphs, rows))
            ]
            kept, batch = list(range(len(examples))), Batch(examples, self.reader.paths, objective)
            if batch.unspelled and not self.skips:
                why = self.reader.paths.why_not_spelled(examples[batch.unspelled[0]])
                raise FormatError(f"record {batch.unspelled[0]}: {why}")
            if batch.unspelled:
                kept = [number for number in kept if number not in set(batch.unspelled)]
                batch = Batch([examples[number] for number in kept], self.reader.paths, objective)
            self._made[key] = batch, kept
        return self._made[key]


_NONE: FloatArray = np.zeros((0, 0))


def lattice_loss(
    energies: torch.Tensor,
    graphs: LatticeGraphs,
    loss: str = "nll",
    *,
    weights: torch.Tensor | None = None,
    latent: str = "",
    reduction: str = "mean",
    **settings: float,
) -> torch.Tensor:
    """A loss of some records at these energies, with a gradient; as an objective of lattice train.

    energies: (records, steps, labels) with anything behind the length of each, or (steps of all, labels), or (arcs of
    all lattices,): costs, low where a label fits, such as -log_softmax. weights: (reader.weights,) of a grammar that
    learns. loss: one of nll, mee, perceptron, ...; settings: beta, margin, cap, gamma, as losses have them; latent:
    viterbi or forward. reduction: mean over records, sum, or none. Raises UsageError for what does not fit together or
    is not finite, Diverged for a sum that is infinite.
    """
    objective = _objective(loss, latent, settings)
    if reduction not in ("mean", "sum", "none"):
        raise UsageError(f"reduction is {reduction!r}, expected mean, sum or none")
    reader, records = graphs.reader, len(graphs.targets)
    classes = len(reader.labels)
    padded = energies.ndim == 3
    batch, kept = graphs.batch(objective, energies.shape[1] if padded else 0)
    ends = first_arcs(batch.examples, classes)
    if padded:
        if tuple(energies.shape[::2]) != (records, classes):
            raise UsageError(f"energies have shape {tuple(energies.shape)}, expected ({records}, steps, {classes})")
        longest = max((example.rows for example in batch.examples), default=0)
        if longest > energies.shape[1]:
            raise UsageError(f"a record has {longest} steps, but the energies only {energies.shape[1]}")
        lengths = np.zeros(records, dtype=np.intp)
        lengths[kept] = [example.rows for example in batch.examples]
        rows = np.arange(energies.shape[1]) < lengths[:, np.newaxis]
    else:
        if len(kept) < records:
            raise UsageError("unspelled: skip is for energies of shape (records, steps, labels)")
        rows = None
        if energies.numel() != ends[-1] or (graphs.lattices is None and energies.shape[-1] != classes):
            raise UsageError(
                f"energies have shape {tuple(energies.shape)}, expected {ends[-1]} numbers for all records"
            )
    if weights is not None and tuple(weights.shape) != (reader.weights,):
        raise UsageError(f"weights have shape {tuple(weights.shape)}, expected ({reader.weights},)")
    if (weights is None) != (reader.weights == 0):
        raise UsageError(f"the grammar has {reader.weights} weights, but weights are {'not ' * (weights is None)}given")
    if weights is not None and reduction == "none":
        raise UsageError("reduction: none with weights of a grammar, whose gradient is of all records together")
    scale = 1.0 / max(1, len(kept)) if reduction == "mean" else 1.0
    values = _LatticeLoss.apply(energies, weights, batch, reader, ends, rows)
    if reduction != "none":
        return values.sum() * scale
    whole = values.new_zeros(records)
    return whole.index_put((torch.tensor(kept, device=whole.device),), values)


def _objective(loss: str, latent: str, settings: dict[str, float]) -> Objective:
    if loss not in LOSSES:
        raise UsageError(f"no loss is called {loss!r}, expected one of {', '.join(LOSSES)}")
    if latent and latent not in LATENTS:
        raise UsageError(f"latent is {latent!r}, expected one of {', '.join(LATENTS)}")
    known = [each.name for each in dataclasses.fields(Settings)]
    for name in settings:
        if name not in known:
            raise UsageError(f"no setting of losses is called {name!r}, expected one of {', '.join(known)}")
    told: dict[str, Any] = dict(settings)
    return Objective(LOSSES[loss], Settings(**told), latent)


class _LatticeLoss(torch.autograd.Function):  # type: ignore[misc,unused-ignore]
    """Energies and the grammar's weights -> (records,) losses. rows: (records, steps) which rows of energies are of
    the records; None: all."""

    @staticmethod
    def forward(
        ctx: Any, energies: Any, weights: Any, batch: Batch, reader: LatticeReader, ends: Any, rows: Any
    ) -> Any:
        whole = _numbers(energies)
        left = (whole if rows is None or rows.all() else whole[rows]).reshape(-1)
        bad = np.flatnonzero(~np.isfinite(left))
        if len(bad):
            record = batch.examples[int(np.searchsorted(ends, bad[0], side="right")) - 1].source
            raise UsageError(f"{record}: an energy is {left[bad[0]]}")
        right, pull = reader.energies(None if weights is None else _numbers(weights))
        outcome = batch.evaluate(left, right)
        by_left, by_right = outcome.sides
        ctx.ends, ctx.rows, ctx.by_left = ends, rows, by_left
        ctx.by_weights = None if weights is None else pull(by_right)
        ctx.like, ctx.weights_like = energies, weights
        return torch.from_numpy(np.array(outcome.values)).to(energies)

    @staticmethod
    @torch.autograd.function.once_differentiable  # type: ignore[misc,untyped-decorator,unused-ignore]
    def backward(ctx: Any, gradient: Any) -> Any:
        of_record = _numbers(gradient)
        same = of_record[0] if len(of_record) and (of_record == of_record[0]).all() else None
        by_left = ctx.by_left
        if same != 1.0:
            by_left = by_left * (np.repeat(of_record, np.diff(ctx.ends)) if same is None else same)
        shape = tuple(ctx.like.shape)
        if ctx.rows is None or ctx.rows.all():
            found = by_left.reshape(shape)
        else:
            found = np.zeros(shape)
            found[ctx.rows] = by_left.reshape(-1, shape[-1])
        by_energies = torch.from_numpy(found).to(ctx.like)
        if ctx.by_weights is None:
            return by_energies, None, None, None, None, None
        # All records have the same share in it: a mean or a sum.
        by_weights = torch.from_numpy(ctx.by_weights * (same or 0.0)).to(ctx.weights_like)
        return by_energies, by_weights, None, None, None, None


def _numbers(tensor: Any) -> FloatArray:
    found: FloatArray = tensor.detach().cpu().to(torch.float64).numpy()
    return found


def load_module(path: str | Path, *, trusted: bool = False) -> torch.nn.Module:
    """The module of a model that lattice train wrote, with its weights, ready to decode. trusted: its code may be run
    wherever it lies. Raises FormatError, UsageError."""
    model, parameters = load_model(str(path), (), trusted)
    module = model.recognizer.module
    if not isinstance(module, TorchModule):
        raise UsageError(f"{path}: its recognizer is of kind {model.config.recognizer.kind}, expected torch")
    found = module.with_weights(parameters)
    assert isinstance(found, torch.nn.Module)
    return found
