"""Options that belong together and reach a command as one parameter."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

Command = TypeVar("Command", bound=Callable[..., Any])


def applied(*decorators: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Several click decorators as one; the first is listed first in the help."""

    def apply(command: Command) -> Command:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return apply


def grouped(name: str, make: Callable[..., Any], *options: Callable[..., Any]) -> Callable[[Command], Command]:
    """Options that the command gets as one parameter: what `make` makes of their values when the command is run."""
    together: Callable[[Any], Any] = applied(*options)
    # A stand-in takes the options, to tell what they are called.
    names = [str(parameter.name) for parameter in together(lambda: None).__click_params__]

    def decorate(command: Any) -> Any:
        @functools.wraps(command)
        def with_group(**given: Any) -> Any:
            values = {each: given.pop(each) for each in names}
            return command(**given, **{name: make(**values)})

        return together(with_group)

    return decorate
