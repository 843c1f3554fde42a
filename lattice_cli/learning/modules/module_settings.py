"""What a configuration says of modules and optimisers of torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from lattice_cli.errors import UsageError
from lattice_cli.settings import mapping, setting


@dataclass(frozen=True)
class TorchSettings:
    """A module of torch: a class in a person's own file."""

    shorthand: ClassVar[str] = "module"  # `torch: my_net.py:Net` is `torch: {module: my_net.py:Net}`

    module: str = setting("", "FILE.py:CLASS, the file relative to the configuration; its code is run")
    arguments: Mapping[str, Any] = mapping(
        "what the class is made with, beside inputs, outputs and shape, which it is told where it asks for them"
    )
    reads: str = setting(
        "items", "items: each row or segment by itself; sequences: all rows of a record", choices=("items", "sequences")
    )
    device: str = setting("cpu", "where it is computed: cpu, cuda, cuda:1, mps")
    dtype: str = setting("float32", "its numbers; graphs are float64", choices=("float32", "float64"))

    @property
    def file(self) -> str:
        """The file of the module, as it was given."""
        return self.module.rpartition(":")[0]

    @property
    def name(self) -> str:
        """The class."""
        return self.module.rpartition(":")[2]

    def require_sense(self) -> None:
        """Raises UsageError where no class is named."""
        if not self.file or not self.name.isidentifier():
            found = f"found {self.module!r}" if self.module else "which is not given"
            raise UsageError(f"recognizer.torch.module: expected FILE.py:CLASS, {found}")


@dataclass(frozen=True)
class TorchOptimizerSettings:
    """An optimiser of torch, and what its rate does over the steps."""

    shorthand: ClassVar[str] = "name"  # `torch: AdamW` is `torch: {name: AdamW}`

    name: str = setting("AdamW", "a class of torch.optim that takes one gradient a step")
    arguments: Mapping[str, Any] = mapping("what it is made with, beside the rate: {weight_decay: 0.01}")
    schedule: str = setting("", "a class of torch.optim.lr_scheduler, one step of it a batch: OneCycleLR")
    schedule_arguments: Mapping[str, Any] = mapping(
        "what it is made with; how many steps there are, and a highest rate, it is told where it asks for them"
    )
