"""Samples, folds, balance and augmentation: NumPy, pandas and torch only."""
