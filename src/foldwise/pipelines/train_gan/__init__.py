"""Samples, folds > one generator per fold, learnt from its training part."""

from foldwise.pipelines.train_gan.pipeline import create_pipeline

__all__ = ["create_pipeline"]
