"""Values merged into parameters, where some exist only beside a certain choice; free of torch."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from foldwise.config import Config
from foldwise.data.balance.config import METHODS, BalanceConfig

Tree = dict[str, Any]  # parameters as YAML has them


def as_given(config: Config) -> Tree:
    """Return what has been set, and which variant of each choice it is.

    What has not been set is left out, since some defaults depend on other parameters.
    """
    if isinstance(config, BalanceConfig):
        own = as_given(config.remedy) | {"method": config.method}
        return own if config.threshold == "none" else own | {"threshold": config.threshold}
    given: Tree = {}
    for name, field in type(config).model_fields.items():
        value = getattr(config, name)
        if isinstance(value, Config):
            given[name] = as_given(value)
            if isinstance(field.discriminator, str):
                given[name][field.discriminator] = getattr(value, field.discriminator)
        elif name in config.model_fields_set:
            given[name] = value
    return given


def merge(kind: type[Config] | None, given: Mapping[str, Any], new: Mapping[str, Any]) -> Tree:
    """Return parameters with new ones in place; those of a variant that is left are dropped.

    Args:
        kind: What the parameters are of; None: of nothing that has variants.
        given: Parameters as YAML has them.
        new: Those that take precedence, likewise.
    """
    merged: Tree = dict(_beside_method(given, new) if kind is BalanceConfig else given)
    for name, value in new.items():
        field = kind.model_fields.get(name) if kind else None
        old = merged.get(name)
        if isinstance(value, Mapping) and (old is None or isinstance(old, Mapping)):
            merged[name] = _merge_group(field, old or {}, value)
        else:
            merged[name] = value
    return merged


def nested(path: str, value: Any) -> Tree:  # noqa: ANN401  (any parameter)
    """Return a tree of one value.

    >>> nested("fit.optimizer.lr", 0.1)
    {'fit': {'optimizer': {'lr': 0.1}}}
    """
    for name in reversed(path.split(".")):
        value = {name: value}
    return dict(value)


def names(kind: type[Config], prefix: str) -> Iterator[str]:
    """Yield the dotted names of all parameters and groups, of all variants of each choice."""
    yield prefix
    fields = dict(kind.model_fields)
    if kind is BalanceConfig:
        fields.pop("remedy")
        for method in METHODS.values():
            yield from names(method, prefix)
    for name, field in fields.items():
        yield f"{prefix}.{name}"
        for variant in _kinds(field):
            yield from names(variant, f"{prefix}.{name}")


def _merge_group(field: FieldInfo | None, old: Mapping[str, Any], new: Mapping[str, Any]) -> Tree:
    kinds = _kinds(field) if field else []
    tag = field.discriminator if field else None
    if field is None or not isinstance(tag, str):
        return merge(kinds[0] if len(kinds) == 1 else None, old, new)
    before = old.get(tag, getattr(field.default, tag, None))
    after = new.get(tag, before)
    kept = {tag: before, **old} if after == before else {}
    variant = [kind for kind in kinds if after in _tags(kind.model_fields[tag])]
    return merge(variant[0] if variant else None, kept, new)


def _kinds(field: FieldInfo) -> list[type[Config]]:
    """Return the groups of parameters that a field can hold."""
    options = get_args(field.annotation) or (field.annotation,)
    return [kind for kind in options if isinstance(kind, type) and issubclass(kind, Config)]


def _tags(field: FieldInfo) -> tuple[Any, ...]:
    is_literal = get_origin(field.annotation) is Literal
    return get_args(field.annotation) if is_literal else ()


def _beside_method(given: Mapping[str, Any], new: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what stays of a remedy when another may take its place.

    A method such as `oversample+threshold` also says whether the decision is tuned.
    """
    if "method" not in new:
        return given
    try:
        base = as_given(BalanceConfig.model_validate(given))
    except ValidationError:
        return given
    named = [part.strip() for part in str(new["method"]).split("+")]
    try:
        method = BalanceConfig.model_validate(str(new["method"])).method
    except ValidationError:
        method = None
    threshold = base.pop("threshold", None)
    kept = base if method == base["method"] else {}
    return kept | {"threshold": threshold} if threshold and "threshold" in named else kept
