"""What is wrong with parameters, in the words in which they were given."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

Details = Mapping[str, Any]  # one error, as pydantic tells it
_GROUPS = {"model_type", "model_attributes_type", "dict_type", "mapping_type"}


def explain(error: ValidationError, name: str, given: object) -> list[str]:
    """Return one line per parameter that is wrong: its dotted name, its value, what is allowed.

    Args:
        error: What the validation of `given` raised.
        name: The name that `given` goes by.
        given: Mappings, lists and scalars, as read from YAML and the command line.
    """
    by_parameter: dict[str, list[Details]] = {}
    for details in error.errors(include_url=False):
        parameter = ".".join([name, *_steps(details, given)])
        by_parameter.setdefault(parameter, []).append(dict(details))
    return [_line(parameter, errors) for parameter, errors in by_parameter.items()]


def _steps(details: Details, given: object) -> Iterator[str]:
    """Yield the keys that lead to the value; pydantic adds the names of types it tried."""
    location = details["loc"]
    for place, step in enumerate(location):
        is_last = place == len(location) - 1
        if _leads_on(step, given):
            yield str(step)
            given = given[step]  # type: ignore[index]  # that is what was asked
        elif is_last and details["type"] == "missing":
            yield str(step)
    if details["type"].startswith("union_tag"):
        yield details["ctx"]["discriminator"].strip("'")


def _leads_on(step: object, given: object) -> bool:
    if isinstance(given, Mapping):
        return step in given
    return isinstance(given, list | tuple) and isinstance(step, int) and step < len(given)


def _line(parameter: str, errors: Sequence[Details]) -> str:
    first = errors[0]
    kind = first["type"]
    if kind in ("missing", "union_tag_not_found"):
        return f"{parameter} is missing."
    if kind == "union_tag_invalid":
        return _not_allowed(parameter, first["ctx"]["tag"], _quoted(first["ctx"]["expected_tags"]))
    if all(details["type"] == "literal_error" for details in errors):
        allowed = [name for e in errors for name in _quoted(e["ctx"]["expected"])]
        return _not_allowed(parameter, first["input"], allowed)
    if all(details["type"] in _GROUPS for details in errors):
        return (
            f"{parameter} is {first['input']!r}, but it holds parameters of its own: set them by "
            f"name, as in {parameter}.NAME."
        )
    if kind == "value_error":
        told = "; ".join(str(details["msg"]).removeprefix("Value error, ") for details in errors)
        return f"{parameter}: {told}"
    told = ", or ".join(str(details["msg"]).removeprefix("Input ") for details in errors)
    return f"{parameter} is {first['input']!r}, but {told}."


def _not_allowed(parameter: str, value: object, allowed: Sequence[str]) -> str:
    by_lower = {name.lower(): name for name in allowed}
    near = difflib.get_close_matches(str(value).lower(), by_lower, n=1)
    hint = f" Did you mean '{by_lower[near[0]]}'?" if near else ""
    return f"{parameter} is {value!r}.{hint} Allowed: {', '.join(allowed)}."


def _quoted(text: str) -> list[str]:
    """Return the names in a text such as `'a', 'b' or 3`.

    >>> _quoted("'a', 'b' or 3")
    ['a', 'b', '3']
    """
    return [part.strip().strip("'") for part in text.replace(" or ", ", ").split(",")]
