"""What differs between the reports of classes and of numbers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from foldwise.tasks.report_section import ReportSection


class ShowInterval(Protocol):
    """Limits as text; a prefix tells those of one metric of a row from those of others."""

    def __call__(self, entry: Mapping[str, Any], prefix: str = "") -> str:
        """Return the limits, or nothing where there are none."""


@dataclass(frozen=True)
class ReportParts:
    """How scores are shown, and what a template needs beside what all reports have."""

    template: str
    headlines: Sequence[str]  # metrics that stand at the top
    score: Callable[[float | None], str]
    interval: ShowInterval
    spread: Callable[[float | None, float | None], str]  # mean ± standard deviation
    methods: Mapping[str, str]  # of the intervals: name -> explanation
    figures: ReportSection
    details: tuple[str, str]  # anchor and title of the tables of classes, steps or folds
    values: dict[str, Any] = field(default_factory=dict)
