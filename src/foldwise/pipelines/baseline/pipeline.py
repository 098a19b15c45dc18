"""The stages `baseline` and `compare_baselines`."""

from kedro.pipeline import Pipeline, node

from foldwise.pipelines.baseline.nodes import compare_baselines, fit_baselines


def create_pipeline(family: str) -> Pipeline:
    """Return the nodes from samples and folds to the comparison with one family's networks.

    The baselines are the same for all families, so they are a stage of their own.
    """
    names = ("table", "metrics", "figure", "summary")
    return Pipeline(
        [
            node(
                fit_baselines,
                ["samples", "folds", "params:baseline", "baseline_workspace"],
                ["baseline_models", "baseline_predictions", "baseline_fits"],
                name="fit_baselines",
                tags="baseline",
            ),
            node(
                compare_baselines,
                [
                    f"{family}_predictions",
                    "baseline_predictions",
                    "baseline_fits",
                    "folds",
                    "params:baseline",
                ],
                [f"{family}_baselines_{name}" for name in names],
                name="compare_baselines",
                tags="compare_baselines",
            ),
        ]
    )
