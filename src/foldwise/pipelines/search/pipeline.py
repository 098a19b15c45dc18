"""The stages `search` and `report_search` of each family of networks."""

from collections.abc import Callable
from typing import Any

from kedro.pipeline import Pipeline, node

from foldwise.pipelines.search.nodes import (
    draw_search,
    pose_cnn,
    pose_gan,
    pose_mlp,
    pose_rnn,
    predict_winner,
    score_search,
    search,
    tabulate_search_scores,
    write_cnn_search,
    write_gan_search,
    write_mlp_search,
    write_rnn_search,
)
from foldwise.tasks.search.trial import SearchFamily

_POSE: dict[SearchFamily, Callable[..., Any]] = {
    "cnn": pose_cnn,
    "rnn": pose_rnn,
    "mlp": pose_mlp,
    "gan": pose_gan,
}
_WRITE: dict[SearchFamily, Callable[..., Any]] = {
    "cnn": write_cnn_search,
    "rnn": write_rnn_search,
    "mlp": write_mlp_search,
    "gan": write_gan_search,
}
# As `tasks.search.study_figures` names them, which loads matplotlib.
_FIGURES = (
    "history",
    "importances",
    "slices",
    "contour",
    "parallel",
    "front",
    "curves",
    "coverage",
)


def create_pipeline(family: SearchFamily) -> Pipeline:
    """Return the nodes from samples and folds to the best parameters of one family."""
    return _searching(family) + _reporting(family)


def _searching(family: SearchFamily) -> Pipeline:
    found = f"{family}_search"
    posed = {
        "samples": "samples",
        "folds": "folds",
        "config": f"params:train_{family}",
        "workspace": f"{found}_workspace",
    }
    if family != "gan":  # generators are fitted on what there is
        posed |= {"balance": "params:balance", "augment": "params:augment"}
    problem, config = f"{found}_problem", f"params:search_{family}"
    trained = {
        "problem": problem,
        "results": f"{found}_results",
        "models": f"{found}_models",
        "observer": "observer",
    }
    if family == "cnn":  # the one that starts from other weights
        trained["find_run"] = "run_models"
    return Pipeline(
        [
            node(_POSE[family], posed, problem, name=f"pose_{family}"),
            node(
                search,
                [problem, config, f"{found}_workspace", "observer"],
                [
                    f"{found}_results",
                    f"{found}_models",
                    f"{found}_studies",
                    f"{found}_trials",
                    f"{family}_best_params",
                ],
                name=f"search_{family}",
            ),
            node(
                predict_winner,
                trained,
                f"{found}_predictions",
                name=f"predict_winner_{family}",
            ),
        ],
        tags="search",
    )


def _reporting(family: SearchFamily) -> Pipeline:
    found = f"{family}_search"
    read = ["studies", "trials", "predictions"]
    scores = f"{found}_scores"
    return Pipeline(
        [
            node(
                score_search,
                [*(f"{found}_{name}" for name in read), "samples", "folds", "params:evaluate"],
                scores,
                name=f"score_search_{family}",
            ),
            node(
                tabulate_search_scores,
                scores,
                f"{found}_metrics",
                name=f"tabulate_search_scores_{family}",
            ),
            node(
                draw_search,
                scores,
                [f"{found}_{name}_figure" for name in _FIGURES],
                name=f"draw_search_{family}",
            ),
            node(
                _WRITE[family],
                [
                    scores,
                    f"{family}_best_params",
                    "samples",
                    "folds",
                    f"params:search_{family}",
                    f"params:train_{family}",
                ],
                f"{found}_report",
                name=f"write_{family}_search",
            ),
        ],
        tags="report_search",
    )
