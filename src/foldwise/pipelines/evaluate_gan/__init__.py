"""Generators, samples, folds > how near generated samples are to real ones, and a page on it."""

from foldwise.pipelines.evaluate_gan.pipeline import create_pipeline

__all__ = ["create_pipeline"]
