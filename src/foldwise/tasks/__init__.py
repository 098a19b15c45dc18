"""What one does with samples, folds and weights: one verb each."""
