"""Cards of generators that nobody has trained."""

from foldwise.data.preprocessing import ImagePreprocessing
from foldwise.models.gan.config import CganConfig
from foldwise.tasks.gan_models import GanCard


def make_gan_card(**fields):
    """Make a card; `fields` are what matters to a test."""
    values = {
        "model": CganConfig(),
        "classes": ("a", "b"),
        "shape": (1, 8, 8),
        "size_policy": "none",
        "preprocessing": ImagePreprocessing(mean=(0.5,), std=(0.5,)),
        "repeat": 0,
        "fold": 0,
        "fingerprint": "f",
        "samples_hash": "s",
        "folds_hash": "o",
        "history": (),
        "class_counts": (3, 2),
        "versions": {},
        "weights_sha256": "w",
    }
    return GanCard(**{**values, **fields})
