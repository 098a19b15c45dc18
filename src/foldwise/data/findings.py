"""What an audit found: one thing each, how grave it is, and what to do about it."""

import logging
from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from foldwise.config import Config, Scalar

Severity = Literal["error", "warn", "info"]

_SHOWN = 5  # offenders named in a message


class Finding(Config):
    """One thing that an audit found."""

    check: str  # the name by which its severity is chosen
    severity: Severity
    message: str  # what was found, in one or two sentences with its numbers
    advice: str = ""  # what would help
    values: dict[str, Scalar] = Field(default_factory=dict)  # the numbers behind the message
    sample_ids: tuple[tuple[str, ...], ...] = ()  # the samples concerned, set by set


def log_findings(logger: logging.Logger, findings: Iterable[Finding]) -> None:
    """Log what is more than information, a line each."""
    for finding in findings:
        if finding.severity != "info":
            logger.warning("%s: %s", finding.check, finding.message)


def some(sets: tuple[tuple[str, ...], ...]) -> str:
    """Name the first few sets of samples, and say how many more there are.

    >>> some((("a", "b"), ("c", "d")))
    ' (a, b; c, d)'
    """
    shown = "; ".join(", ".join(ids[:_SHOWN]) for ids in sets[:_SHOWN])
    more = f"; and {len(sets) - _SHOWN} more" if len(sets) > _SHOWN else ""
    return f" ({shown}{more})"
