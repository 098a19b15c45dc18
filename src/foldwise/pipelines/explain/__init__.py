"""Trained networks > what they look at and what they have learnt."""

from foldwise.pipelines.explain.pipeline import create_pipeline

__all__ = ["create_pipeline"]
