"""How differences over folds are tested, in words."""

FOLD_TEST_NOTE = (
    "The corrected resampled t-test (Nadeau and Bengio 2003) over the folds. The training parts "
    "of folds overlap, so the variance of the mean difference is taken as "
    "s² (1/k + n_test / n_train) instead of s² / k."
)
