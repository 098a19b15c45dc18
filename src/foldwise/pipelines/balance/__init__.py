"""Folds > which samples each network is fitted on, and with which weights."""

from foldwise.pipelines.balance.pipeline import create_pipeline

__all__ = ["create_pipeline"]
