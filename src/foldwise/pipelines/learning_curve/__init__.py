"""Samples, folds > networks on fractions of the training data > what more data would bring."""

from foldwise.pipelines.learning_curve.pipeline import create_pipeline

__all__ = ["create_pipeline"]
