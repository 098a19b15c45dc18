"""The parts of a network that transfer and explanations speak of: its head and its stages."""

from torch import nn

from foldwise.errors import UserError


class PartError(UserError):
    """A network has no such part."""


def find_head(network: nn.Module) -> str | None:
    """Return the name of the last dense layer in definition order, auxiliary heads left out."""
    dense: list[str] = [
        name
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear) and not is_auxiliary(name)
    ]
    return dense[-1] if dense else None


def head_name(network: nn.Module) -> str:
    """Return the name of the head, as `find_head` does, where there has to be one.

    Raises:
        PartError: There is no dense layer.
    """
    head = find_head(network)
    if head is None:
        kinds = sorted({type(module).__name__ for module in network.modules()})
        raise PartError(
            f"{type(network).__name__} has no dense layer (nn.Linear) that could be its head; it "
            f"is made of {', '.join(kinds)}."
        )
    return head


def is_auxiliary(name: str) -> bool:
    """Tell whether a module or parameter belongs to an auxiliary head.

    >>> is_auxiliary("aux1.fc2.weight"), is_auxiliary("AuxLogits.fc"), is_auxiliary("layer1")
    (True, True, False)
    """
    return name.lower().startswith("aux")


def stage_names(network: nn.Module) -> tuple[str, ...]:
    """Return the children with parameters in definition order, auxiliary heads left out.

    Where all features are one `nn.Sequential`, its children take its place: `features.0`,
    `features.3`, ..., `classifier`.
    """
    head = head_name(network).split(".")[0]
    stages = [
        (name, child)
        for name, child in network.named_children()
        if _has_parameters(child) and not is_auxiliary(name)
    ]
    features = [name for name, _ in stages if name != head]
    names: list[str] = []
    for name, child in stages:
        if features == [name] and isinstance(child, nn.Sequential):
            inner = child.named_children()
            names += [f"{name}.{step}" for step, module in inner if _has_parameters(module)]
        else:
            names.append(name)
    return tuple(names)


def names_before(network: nn.Module, part: str) -> frozenset[str]:
    """Return the names of all modules that are defined before a part, auxiliary heads left out.

    A module that holds the part counts as before it: what it owns itself comes first.

    Raises:
        PartError: There is no such part; the message lists the stages.
    """
    names = [name for name, _ in network.named_modules()]
    if not part or part not in names:
        raise PartError(
            f"{type(network).__name__} has no part {part!r}. Its stages are: "
            f"{', '.join(stage_names(network))}."
        )
    return frozenset(name for name in names[: names.index(part)] if not is_auxiliary(name))


def _has_parameters(module: nn.Module) -> bool:
    return next(module.parameters(), None) is not None
