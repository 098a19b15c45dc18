"""Generators > samples of chosen classes as files, with the latents that they were made of."""

from foldwise.pipelines.sample_gan.pipeline import create_pipeline

__all__ = ["create_pipeline"]
