"""What all pages have in common: the template engine, facts as text, versions.

All pages extend `page.html.j2`; `report_section.html.j2` shows one of their sections.
"""

import base64
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from foldwise.tasks.figure_style import inline_svg
from foldwise.tasks.installed_versions import installed_versions
from foldwise.tasks.report_section import ReportFigure, ReportImage, ReportTable

if TYPE_CHECKING:
    from jinja2 import Environment

_NOTHING = ("", "-", "undefined")
_NUMBER = re.compile(r"[-+\u2212±<>]?\s?[.\d]")
_PACKAGES = ("foldwise", "torch", "numpy", "scipy", "scikit-learn", "pandas")


def page_environment() -> "Environment":
    """Return the engine for the templates beside this file: all text is escaped, none missing."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("foldwise.tasks", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., Any]] = {
        "svg": _svg,
        "data_uri": _data_uri,
        "alignments": column_alignments,
    }
    environment.filters |= filters
    return environment


def versions() -> dict[str, str]:
    """Return the versions that the figures depend on, without importing the packages."""
    return installed_versions(_PACKAGES)


def facts(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the simple values of a mapping with readable names."""
    facts = []
    for name, value in values.items():
        if isinstance(value, list | tuple):
            facts.append((_readable(name), " x ".join(map(str, value))))
        elif value is not None and not isinstance(value, Mapping):
            shown = f"{value:.6g}" if isinstance(value, float) else str(value)
            facts.append((_readable(name), shown))
    return facts


def column_alignments(table: ReportTable) -> list[str]:
    """Return for each column `number` where a cell begins like one or none says anything.

    >>> column_alignments(ReportTable("", ("a", "b"), (("x", "-"), ("y", "-0.5 (p = 0.1)"))))
    ['text', 'number']
    """
    columns = zip(*table.rows, strict=True)
    kinds = ["text" if _is_text(cells) else "number" for cells in columns]
    return kinds or ["text"] * len(table.columns)


def _is_text(cells: tuple[str, ...]) -> bool:
    told = [cell for cell in cells if cell not in _NOTHING]
    return bool(told) and not any(map(_NUMBER.match, told))


def _svg(figure: ReportFigure) -> str:
    return inline_svg(figure.draw(), figure.title, figure.alt)


def _data_uri(image: ReportImage) -> str:
    return f"data:image/png;base64,{base64.b64encode(image.png).decode()}"


def _readable(name: str) -> str:
    return name.removeprefix("num_").replace("_", " ")
