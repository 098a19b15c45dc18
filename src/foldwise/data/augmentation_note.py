"""Which parameters of the augmentation are in force, in words."""

from foldwise.config import Scalar, flatten
from foldwise.data.augment import AugmentConfig
from foldwise.data.samples import Modality

_KINDS = {"image": "images", "series": "series", "tokens": "texts", "table": "rows of a table"}


def policy_note(config: AugmentConfig, modality: Modality) -> str:
    """Return what changes samples of a kind, and which parameters are not looked at.

    >>> policy_note(AugmentConfig.of(series={"jitter": 0.1}, tokens={"swap": 0.1}), "series")
    'In force: series.jitter 0.1. Not in force, as the samples are series: tokens.'
    """
    in_force = ", ".join(f"{name} {value}" for name, value in _changed(config, modality).items())
    return f"In force: {in_force or 'nothing'}. {idle_note(config, modality)}".strip()


def idle_note(config: AugmentConfig, modality: Modality) -> str:
    """Return which parameters of sequences are set, but are for other samples; nothing: none.

    Those of images are not told: by default they are set for the digits.
    """
    usual = AugmentConfig()
    idle = [
        section
        for section in ("series", "tokens")
        if section != modality and getattr(config, section) != getattr(usual, section)
    ]
    if not idle:
        return ""
    return f"Not in force, as the samples are {_KINDS[modality]}: {', '.join(idle)}."


def _changed(config: AugmentConfig, modality: Modality) -> dict[str, Scalar]:
    """Return the parameters in force that are not as they are by default."""
    usual = flatten(AugmentConfig().in_force(modality))
    given = flatten(config.in_force(modality))
    return {name: value for name, value in given.items() if value != usual[name]}
