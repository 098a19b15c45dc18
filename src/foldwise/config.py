"""The base class of all parameter objects."""

import difflib
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator

Scalar = str | int | float | bool | None


def _parts(value: Any) -> Any:  # noqa: ANN401  (raw input)
    if isinstance(value, str | int) and not isinstance(value, bool) and value != "auto":
        return [part.strip() for part in str(value).split(";") if part.strip()]
    return value


# One text taken for a list ("a;b"): `--params` carries no lists, and a comma ends a parameter.
ListInText = BeforeValidator(_parts)


class Config(BaseModel):
    """A frozen, typed set of parameters that refuses unknown keys."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=False
    )

    @model_validator(mode="before")
    @classmethod
    def _name_unknown_keys(cls, data: Any) -> Any:  # noqa: ANN401  (pydantic passes raw input)
        if isinstance(data, Mapping):
            allowed = list(cls.model_fields)
            unknown = [str(key) for key in data if key not in cls.model_fields]
            if unknown:
                raise ValueError(unknown_names_message(unknown, allowed))
        return data

    def flat(self, prefix: str = "") -> dict[str, Scalar]:
        """Return the parameters as one level of dotted names; sequences become JSON text."""
        return flatten(self.model_dump(mode="json"), prefix)

    @classmethod
    def of(cls, **values: Any) -> Self:  # noqa: ANN401  (raw values are validated here)
        """Build from plain values (dicts and lists included), validated as from YAML."""
        return cls.model_validate(values)


def unknown_names_message(unknown: list[str], allowed: list[str]) -> str:
    """Say which names are unknown, which known one is nearest, and what is allowed."""
    parts = []
    for name in unknown:
        near = difflib.get_close_matches(name, allowed, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        parts.append(f"unknown parameter {name!r}{hint}")
    return "; ".join(parts) + f". Allowed: {', '.join(sorted(allowed))}."


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Scalar]:
    """Flatten nested mappings to dotted names.

    >>> flatten({"fit": {"lr": 0.1, "widths": [1, 2]}}, "train_cnn")
    {'train_cnn.fit.lr': 0.1, 'train_cnn.fit.widths': '[1, 2]'}
    """
    flat: dict[str, Scalar] = {}
    for key, value in tree.items():
        name = f"{prefix}.{key}" if prefix else str(key)
        if isinstance(value, Mapping):
            flat.update(flatten(value, name))
        elif isinstance(value, list | tuple):
            flat[name] = json.dumps(value)
        else:
            flat[name] = value
    return flat


def json_hash(value: Any) -> str:  # noqa: ANN401  (any JSON value)
    """Return the SHA-256 of a JSON value in canonical form (sorted keys, no white space)."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
