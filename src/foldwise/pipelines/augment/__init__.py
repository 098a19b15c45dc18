"""Training samples > a picture of the augmentation policy, to look at before training."""

from foldwise.pipelines.augment.pipeline import create_pipeline

__all__ = ["create_pipeline"]
