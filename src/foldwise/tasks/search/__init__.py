"""Search for parameters by Optuna, scored on inner parts; the outer folds stay untouched."""
