"""Samples > what is wrong with them, and which of them must not be separated."""

from foldwise.pipelines.audit.pipeline import create_pipeline

__all__ = ["create_pipeline"]
