"""Foldwise: cross-validated, tracked and reproducible deep learning on small labelled data."""

__version__ = "0.1.0"
