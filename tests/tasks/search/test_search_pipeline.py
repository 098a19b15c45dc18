"""The pipelines of searches: what they read and write, and what looking at them loads."""

import subprocess
import sys

import pytest

from foldwise.pipelines.search import create_pipeline

FAMILIES = ("cnn", "rnn", "mlp", "gan")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_search_reads_data_folds_and_parameters_alone(family):
    pipeline = create_pipeline(family)
    shared = set() if family == "gan" else {"params:augment", "params:balance"}
    runs = {"run_models"} if family == "cnn" else set()
    assert pipeline.inputs() == {
        *("samples", "folds", "observer", "params:evaluate", f"{family}_search_workspace"),
        *(f"params:search_{family}", f"params:train_{family}"),
        *shared,
        *runs,
    }
    assert {tag for node in pipeline.nodes for tag in node.tags} == {"search", "report_search"}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_report_needs_nothing_that_only_a_running_search_has(family):
    report = create_pipeline(family).only_nodes_with_tags("report_search")
    found = {f"{family}_search_{name}" for name in ("studies", "trials", "predictions")}
    parameters = {"params:evaluate", f"params:search_{family}", f"params:train_{family}"}
    assert report.inputs() == {
        "samples", "folds", f"{family}_best_params", *found, *parameters
    }  # fmt: skip
    assert len([name for name in report.all_outputs() if name.endswith("_figure")]) == 8


def test_looking_at_the_pipelines_loads_neither_torch_nor_optuna_nor_matplotlib():
    code = (
        "import sys; import foldwise.pipelines.search, foldwise.tasks.search.summary\n"
        "heavy = {'torch', 'optuna', 'matplotlib', 'sqlalchemy', 'sklearn'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_figures_of_the_pipeline_are_those_of_the_study():
    from foldwise.pipelines.search import pipeline
    from foldwise.tasks.search.study_figures import NAMES

    assert pipeline._FIGURES == NAMES
