"""A training from the command line: put together, begun or gone on with, watched, and written down."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lattice_cli.cli.reports.training_report import Watching, checkpoint_of
from lattice_cli.errors import FormatError, LatticeError, UsageError
from lattice_cli.formats import read_checkpoint, read_config
from lattice_cli.formats.io import is_device, require_place
from lattice_cli.learning.training import Problem, TrainConfig, Training, TrainingState, Validation, require_examples
from lattice_cli.models import Assembled, difference, started_from
from lattice_cli.models.assemble import assemble

#: Examples of a batch where a step takes all of them anyway.
_LARGE = 512
_INTERRUPTED = 130


def run_training(
    path: str, output: str, overrides: Sequence[str], resume: bool, restart: bool, as_json: bool, color: str
) -> int:
    """Train as a configuration file says; the exit status. Raises LatticeError."""
    config = read_config(TrainConfig, path, overrides)
    _require_place(output, path)
    saved, about = (None, {}) if restart else _saved(config, output, resume)
    assembled = assemble(config, path)
    if saved is not None and about.get("fingerprint") != assembled.fingerprint():
        raise UsageError(f"--resume: the examples or the grammar have changed since {checkpoint_of(output)}")
    problem = _problem(config, assembled)
    validation = Validation(assembled.model, assembled.validation) if assembled.validation else None
    training = Training(problem, validation)
    watching = Watching(assembled, problem, output, as_json, color)
    standing = saved or _beginning(config, path, problem)
    if len(standing.theta) != len(problem.flat(problem.initial(np.random.default_rng(0)))):
        raise FormatError(f"{checkpoint_of(output)}: its weights are not as many as the model's")
    try:
        with watching.looking_on():
            training.run(standing, watching)
    except LatticeError:
        watching.show_epochs(standing)
        raise
    finally:
        _tell_unproven(problem)
    if saved is not None and not Path(output).exists():
        watching.save_model(standing)
    if watching.interrupted and not standing.ended:
        watching.save_model(standing)
        watching.show_epochs(standing)
        print(
            f"lattice: stopped in epoch {standing.epoch + 1}; {output} holds the model so far, --resume goes on",
            file=sys.stderr,
        )
        return _INTERRUPTED
    watching.finish(standing)
    return 0


def _require_place(output: str, config: str) -> None:
    """Raises FormatError, UsageError where a model and its checkpoint cannot or should not be written."""
    place = Path(output)
    if output in ("-", "") or is_device(output):
        raise UsageError(f"-o {output}: a model is a file, with a checkpoint beside it")
    for name in (output, checkpoint_of(output)):
        require_place(name)
    if place.exists() and config != "-" and place.samefile(config):
        raise UsageError(f"-o {output}: that is the configuration")
    for left in place.resolve().parent.glob(f".{checkpoint_of(place.name)}.*"):
        left.unlink(missing_ok=True)  # what a training that was killed had not finished writing


def _problem(config: TrainConfig, assembled: Assembled) -> Problem:
    """The training examples in batches, which are drawn once."""
    examples = assembled.train
    order = np.random.default_rng([config.training.seed, 0]).permutation(len(examples)).tolist()
    size = max(_LARGE, config.training.batch) if config.optimizer.method == "lbfgs" else config.training.batch
    problem = Problem(assembled.model, [examples[number] for number in order], size)
    for count, what in ((problem.left_out, "left out"), (problem.replaced, "taught the nearest answer instead")):
        if count:
            print(f"lattice: {count} of {len(examples)} targets are not in their graphs: {what}", file=sys.stderr)
    require_examples(problem.pieces[0].examples if problem.pieces else ())
    return problem


def _tell_unproven(problem: Problem) -> None:
    """Say so if the loss was taken with answers that may not have been the most offending ones."""
    if problem.unproven:
        print(
            f"lattice: the most offending answer was not proven in {problem.unproven} of {problem.searches} searches "
            f"within {problem.objective.budget} prefixes: the best one found was taken",
            file=sys.stderr,
        )


def _beginning(config: TrainConfig, path: str, problem: Problem) -> TrainingState:
    """Initial weights, drawn from the seed or taken from another model."""
    initial = problem.initial(np.random.default_rng([config.training.seed, 2]))
    if config.training.start:
        base = Path(path).parent if path != "-" else Path()
        initial, taken = started_from(str(base / config.training.start), problem.model, initial)
        others = [name for name, array in initial.items() if array.size and name not in taken]
        if others:
            print(f"lattice: {config.training.start} has no weights for {', '.join(others)}", file=sys.stderr)
    return TrainingState.beginning(problem.flat(initial))


def _saved(config: TrainConfig, output: str, resume: bool) -> tuple[TrainingState | None, dict[str, Any]]:
    """The standing of a training that was stopped, and what its checkpoint says. One that nobody mentions is not to be
    lost."""
    checkpoint = checkpoint_of(output)
    if not Path(checkpoint).exists():
        if resume:
            raise UsageError(f"--resume: there is no {checkpoint} to go on from")
        return None, {}
    if not resume:
        try:
            about, _ = read_checkpoint(checkpoint)
            ended = about["standing"]["ended"]
        except (FormatError, KeyError, TypeError):
            return None, {}  # nothing that could be gone on from
        if ended:
            return None, {}
        raise UsageError(f"{checkpoint} is a training that was stopped: --resume goes on with it, --restart forgets it")
    about, state = read_checkpoint(checkpoint)
    try:
        changed = difference(config, about["config"])
        if changed:
            raise UsageError(f"--resume: the configuration has changed since {checkpoint}: {', '.join(changed)}")
        return TrainingState.of(state, about["standing"]), about
    except FormatError as error:
        raise FormatError(f"{checkpoint}: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FormatError(f"{checkpoint}: not a checkpoint of a training: {error!r}") from None
