"""A training from its configuration to its model file, without a terminal: begun or gone on with, and written down.

    import lattice_cli as lattice

    standing = lattice.train("config.yaml", "model.npz", ["training.epochs=5"])
    print(standing.ended, standing.epochs[-1].loss)

`Trainer` is the same in two steps: put together, then run. Beside the model lies its checkpoint, from which a training
that was stopped goes on to the bit, and its history, a line of JSON an epoch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path

import numpy as np

from lattice_cli.errors import FormatError, UsageError, counted
from lattice_cli.formats import overridden, read_checkpoint, read_config, write_checkpoint
from lattice_cli.formats.io import is_device, require_place
from lattice_cli.learning.training import (
    PIECE,
    Alone,
    Crew,
    Piece,
    Problem,
    Spread,
    TrainConfig,
    Training,
    TrainingListener,
    TrainingState,
    Validation,
    most_pieces,
    require_examples,
)
from lattice_cli.models.assemble import assemble
from lattice_cli.models.model_store import difference, save_model, started_from
from lattice_cli.models.module_code import about_code
from lattice_cli.models.trainings.history import TrainingHistory
from lattice_cli.models.trainings.output_lock import OutputLock


def train(
    config: str | Path | TrainConfig,
    output: str | Path,
    overrides: Sequence[str] = (),
    listener: TrainingListener | None = None,
    *,
    resume: bool = False,
    restart: bool = False,
    jobs: int = 1,
    cluster: str | None = None,
) -> TrainingState:
    """Train until there is nothing more to do or the listener has it stopped, and write the model to `output`.

    What is given is that of Trainer. The state has the epochs, and in `ended` why there is no more to do ("" if it was
    stopped). Raises LatticeError.
    """
    trainer = Trainer(config, output, overrides, listener, resume=resume, restart=restart, jobs=jobs, cluster=cluster)
    return trainer.run()


class Trainer:
    """A training that is put together, and not begun: `run` begins it, or goes on.

    config: what it was told, with all its defaults. output: the model file. standing: where it is now; its `epochs` are
    those that are over. assembled: the model and its examples. As long as it is neither run nor closed no other
    training can write to the same output.
    """

    def __init__(
        self,
        config: str | Path | TrainConfig,
        output: str | Path,
        overrides: Sequence[str] = (),
        listener: TrainingListener | None = None,
        *,
        resume: bool = False,
        restart: bool = False,
        jobs: int = 1,
        cluster: str | None = None,
    ) -> None:
        """Reads the examples and makes the model.

        config: a YAML file ("-": standard input), or what it would say, paths then being relative to the working
        directory. overrides: `section.key=value`. listener: hears of batches, epochs and notes, and may have it
        stopped; None: nobody does. resume: go on from the checkpoint beside the output; restart: forget it. jobs:
        processes that share the work of a step, to the same bits, and cluster: where they are, see Place (a program
        that asks for several is run again by each: what it does stands under `if __name__ == "__main__"`). Raises
        FormatError, UsageError; also where there is a checkpoint of a training that was stopped, and neither is given.
        """
        self._jobs, self._cluster = jobs, cluster
        if isinstance(config, TrainConfig):
            path, self.config = "-", overridden(config, overrides)
        else:
            path, self.config = str(config), read_config(TrainConfig, str(config), overrides)
        self.output, self._listener, self._path = str(output), listener or TrainingListener(), path
        self._require_place(path)
        self._crew: Crew | None = None
        self._lock = OutputLock(self.output)
        try:
            self._put_together(path, resume, restart)
        except BaseException:
            self.close(at_once=True)
            raise

    def _put_together(self, path: str, resume: bool, restart: bool) -> None:
        config = self.config
        if self._lock.note:
            self._listener.note(self._lock.note)
        found = None if restart else self._stopped(resume)
        self._resumed = found is not None
        self.assembled = assemble(config, path)
        self._fingerprint = self.assembled.fingerprint()
        if found is not None and found[1] != self._fingerprint:
            theirs, ours = found[1], self._fingerprint
            changed = [name for name in {**theirs, **ours} if theirs.get(name) != ours.get(name)]
            raise UsageError(f"--resume: {' and '.join(changed)} changed since {self.checkpoint}")
        self.problem = self._problem()
        self._training = Training(self.problem, self._validation())
        self.standing = self._beginning(path) if found is None else found[0]
        if len(self.standing.theta) != len(self.problem.flat(self.problem.initial(np.random.default_rng(0)))):
            raise FormatError(f"{self.checkpoint}: its weights are not as many as the model's")

    @property
    def checkpoint(self) -> str:
        """The file beside the model where the standing is written."""
        return f"{self.output}.checkpoint"

    @property
    def history(self) -> str:
        """The file beside the model that has a line of JSON an epoch."""
        return f"{self.output}.history.jsonl"

    @property
    def done(self) -> float:
        """The share of the epochs that is behind it."""
        within = self.standing.position / self._training.batches
        return min(1.0, (self.standing.epoch + within) / self.config.training.epochs)

    def close(self, at_once: bool = False) -> None:
        """End the processes that share the work, and let others have the output. at_once: whatever they are doing."""
        if self._crew is not None:
            self._crew.close(at_once)
        self._lock.release()

    def run(self) -> TrainingState:
        """Go on until there is nothing more to do, or the listener has it stopped; the output is free then. Raises
        TrainingFailed."""
        try:
            standing = self._run()
        except BaseException:
            self.close(at_once=True)
            raise
        self.close()
        return standing

    def _run(self) -> TrainingState:
        standing = self.standing
        history = TrainingHistory(self.history, standing, self._listener)
        if self._resumed:
            history.write()
        try:
            self._training.run(standing, history, self.save)
        finally:
            self._note_searches()
        self.save_model()  # once more: now it knows every epoch, and why there are no more
        for text in self._training.told(standing):
            self._listener.note(text)
        return standing

    def _note_searches(self) -> None:
        """The loss may have been taken with answers that were not the most offending ones, or not with all."""
        problem, held_out = self.problem, self._training.validation
        unproven, searches, listed, count = problem.unproven, problem.searches, len(problem.listed), problem.count
        if held_out is not None:
            unproven, searches = unproven + held_out.unproven, searches + held_out.searches
            listed, count = listed + len(held_out.listed), count + held_out.spelled
        if unproven:
            self._listener.note(
                f"the most offending answer was not proven in {unproven} of {searches} searches "
                f"within {problem.objective.budget} prefixes: the best one found was taken"
            )
        if listed:
            self._listener.note(
                f"expected errors of {listed} of {count} examples are those of their "
                f"{problem.objective.nbest} best answers: their graphs have too many paths for all"
            )

    def save(self, standing: TrainingState, better: bool) -> None:
        """Write the checkpoint, and the model if its weights are new."""
        if better:
            self.save_model()
        about = {"config": asdict(self.config), "fingerprint": self._fingerprint, "standing": standing.numbers()}
        write_checkpoint(self.checkpoint, about, standing.arrays())

    def save_model(self) -> None:
        """Write the best weights so far, or the latest where no epoch is over."""
        standing, epoch = self.standing, self.standing.kept_epoch
        weights = standing.best if epoch else standing.average
        trained = {
            "epoch": asdict(epoch) if epoch else None,
            "examples": self.problem.count,
            "history": [each.known() for each in standing.epochs],
            "ended": standing.ended,
            "written": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        }
        if self.assembled.code is not None:
            trained |= about_code(self.assembled.code, self._path, self.output)
        kept = standing.best_buffers if epoch else standing.buffers
        save_model(self.output, self.assembled, {**self.problem.parameters(weights), **kept}, trained)

    def _require_place(self, config: str) -> None:
        """Raises FormatError, UsageError where a model and its checkpoint cannot or should not be written."""
        output, place = self.output, Path(self.output)
        if output in ("-", "") or is_device(output):
            raise UsageError(f"-o {output}: a model is a file, with a checkpoint beside it")
        for name in (output, self.checkpoint, self.history):
            require_place(name)
        if place.exists() and config != "-" and place.samefile(config):
            raise UsageError(f"-o {output}: that is the configuration")

    def _problem(self) -> Problem:
        """The training examples in batches, which are drawn once."""
        examples, told = self.assembled.train, self.config.training
        order = np.random.default_rng([told.seed, 0]).permutation(len(examples)).tolist()
        size = len(examples) if self.config.optimizer.method == "lbfgs" else told.batch
        problem = Problem(
            self.assembled.model, [examples[number] for number in order], size, self._piece(size), self._manned
        )
        for count, what in ((problem.left_out, "left out"), (problem.replaced, "taught the nearest answer instead")):
            if count:
                self._listener.note(f"{count} of {len(examples)} targets are not in their graphs: {what}")
        require_examples(problem.pieces)
        return problem

    def _piece(self, size: int) -> int:
        """Examples to a piece of a batch of `size`. Raises UsageError where one is asked for that there cannot be."""
        told, module = self.config.training.piece, self.assembled.model.recognizer.module
        buffers = module.buffers() if module is not None else {}
        if told and buffers:
            raise UsageError(
                f"training.piece: {told}, but the module keeps something beside its weights ({next(iter(buffers))}), "
                "which goes by whole batches: expected 0"
            )
        return size if buffers and self.config.optimizer.method != "lbfgs" else told or PIECE

    def _manned(self, batches: Sequence[Sequence[Piece]]) -> Crew:
        """Those who work on batches: other processes, as many as can be of use, or this one."""
        self._crew = crew = self._spread(batches) or Alone(self.assembled.model, batches)
        return crew

    def _spread(self, batches: Sequence[Sequence[Piece]]) -> Spread | None:
        """Processes that share the work; None where none was asked for, or where it cannot be shared, which is said."""
        if self._jobs == 1 and self._cluster is None:
            return None
        model, most = self.assembled.model, most_pieces(batches)
        module, why = model.recognizer.module, ""
        if module is not None and module.buffers():
            why = f"the module keeps something beside its weights ({next(iter(module.buffers()))})"
        elif module is not None and self.config.recognizer.torch.device != "cpu":
            why = f"the module works on {self.config.recognizer.torch.device}"
        elif most < 2:
            largest = max((len(batch[0].examples) for batch in batches if batch), default=0)
            why = f"a step is one piece, of {counted(largest, 'example')} at most (training.piece cuts it)"
        if why:
            self._listener.note(f"one process does all the work: {why}")
            return None
        from lattice_cli.executors import Place, Workers, processors

        place = Place(self._jobs or processors(), self._cluster)
        wanted = place.jobs
        if place.cluster is not None:
            with Workers(place, None) as workers:
                wanted = workers.count
        if wanted > most:
            self._listener.note(f"{most} processes do the work: no step has more pieces (training.piece)")
        return Spread(place, min(wanted, most), model, batches, self.assembled.validation)

    def _validation(self) -> Validation | None:
        """The held-out examples, None where there are none."""
        held_out = self.assembled.validation
        if not held_out:
            return None
        crew = self._crew if isinstance(self._crew, Spread) else None
        found = Validation(self.assembled.model, held_out, self.problem.kept, crew)
        if left_out := len(held_out) - found.spelled:
            self._listener.note(
                f"{left_out} of {counted(len(held_out), 'held-out target')} are not in their graphs: left out of the "
                "validation loss"
            )
        return found

    def _beginning(self, path: str) -> TrainingState:
        """Initial weights, drawn from the seed or taken from another model."""
        told, problem = self.config.training, self.problem
        initial = problem.initial(np.random.default_rng([told.seed, 2]))
        if told.start:
            base = Path(path).parent if path != "-" else Path()
            initial, taken = started_from(str(base / told.start), problem.model, initial)
            others = [name for name, array in initial.items() if array.size and name not in taken]
            if others:
                self._listener.note(f"{told.start} has no weights for {', '.join(others)}")
        return TrainingState.beginning(problem.flat(initial))

    def _stopped(self, resume: bool) -> tuple[TrainingState, dict[str, str]] | None:
        """The standing of a training that was stopped, and the fingerprint of its examples. One that nobody mentions is
        not to be lost."""
        checkpoint = self.checkpoint
        if not Path(checkpoint).exists():
            if resume:
                raise UsageError(f"--resume: there is no {checkpoint} to go on from")
            return None
        if not resume:
            try:
                about, _ = read_checkpoint(checkpoint)
                ended = about["standing"]["ended"]
            except (FormatError, KeyError, TypeError):
                return None  # nothing that could be gone on from
            if ended:
                return None
            raise UsageError(
                f"{checkpoint} is a training that was stopped: --resume goes on with it, --restart forgets it"
            )
        about, state = read_checkpoint(checkpoint)
        try:
            changed = difference(self.config, about["config"])
            if changed:
                raise UsageError(f"--resume: the configuration has changed since {checkpoint}: {', '.join(changed)}")
            return TrainingState.of(state, about["standing"]), dict(about["fingerprint"])
        except FormatError as error:
            raise FormatError(f"{checkpoint}: {error}") from None
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise FormatError(f"{checkpoint}: not a checkpoint of a training: {error!r}") from None
