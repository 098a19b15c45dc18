"""Samples, folds > trials on inner parts > the best parameters, and what they are worth."""

from foldwise.pipelines.search.pipeline import create_pipeline

__all__ = ["create_pipeline"]
