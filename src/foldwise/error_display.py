"""How errors end a run on the terminal: the user's in a few words, all others with a traceback."""

import os
import re
import sys
from types import TracebackType

from kedro.validation.exceptions import ParameterValidationError

from foldwise.errors import UserError

_SWITCH = "FOLDWISE_TRACEBACK"
_DOCUMENTATION = re.compile(r"\n +For further information visit \S+")  # pydantic's own


def install() -> None:
    """Show user errors by their message alone, unless FOLDWISE_TRACEBACK is set."""
    if not os.environ.get(_SWITCH):
        sys.excepthook = _show


def _show(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    told = _user_error(error)
    if told is None:
        sys.__excepthook__(kind, error, traceback)
    else:
        message = _DOCUMENTATION.sub("", str(told))
        sys.stderr.write(f"\nError: {message}\n(Set {_SWITCH}=1 to see where it arose.)\n")


def _user_error(error: BaseException | None) -> BaseException | None:
    """Return the first error of the chain that is meant for the user: Kedro wraps some.

    An error of the system counts where it is the cause. Where something else went wrong while it
    was being dealt with, that has to be seen.
    """
    is_cause = True
    while error is not None:
        if isinstance(error, UserError | ParameterValidationError):
            return error
        if is_cause and isinstance(error, OSError):
            return error
        is_cause = is_cause and error.__cause__ is not None
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return None
