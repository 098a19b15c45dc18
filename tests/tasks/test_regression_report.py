import io
import re

import numpy as np
import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner
from test_evaluate_pipeline import FACTS, OUTPUTS
from test_evaluate_regression import CONFIG, SPLIT, forecasts_of, windows_table
from test_regression_table import regression_predictions
from test_report import Page

from foldwise.data.folds import make_folds
from foldwise.data.samples import Samples
from foldwise.pipelines.evaluate import create_pipeline
from foldwise.tasks.evaluate_regression import evaluate_regression
from foldwise.tasks.figure_style import inline_svg
from foldwise.tasks.fold_models import FoldModels
from foldwise.tasks.regression_figures import curves_figure, details_figure, outcomes_figure
from foldwise.tasks.report import render_report

FIGURES = (outcomes_figure, curves_figure, details_figure)
pytestmark = pytest.mark.filterwarnings("ignore:.*independent groups of samples")


def run(num_steps, folder):
    """The outputs of the stage for forecasts of two series, the name of one a formula."""
    table = windows_table(num_steps=num_steps)
    table["series"] = table["series"].replace("a", "=a")
    folds = make_folds(table, SPLIT)
    samples = Samples(np.zeros((len(table), 5, 1), np.float32), table, modality="series")
    inputs = {
        "rnn_predictions": forecasts_of(table, folds),
        "rnn_inner_predictions": pd.DataFrame(),
        "samples": samples,
        "folds": folds,
        "rnn_network": {"name": "a network"},
        "rnn_models": FoldModels(folder),
        "rnn_explanations": {},
        **FACTS,
        "rnn_baselines_summary": "It does not beat the naive forecast.\n",
        "params:evaluate": CONFIG,
    }
    catalog = DataCatalog(
        {name: MemoryDataset(value, copy_mode="assign") for name, value in inputs.items()}
        | {f"rnn_{name}": MemoryDataset(copy_mode="assign") for name in OUTPUTS}
    )
    SequentialRunner().run(create_pipeline(family="rnn"), catalog)
    return {name: catalog.load(f"rnn_{name}") for name in OUTPUTS}


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    return run(num_steps=2, folder=tmp_path_factory.mktemp("rnn"))


def test_outputs_belong_to_one_another(outputs):
    metrics, details = outputs["metrics"]["oof"], outputs["details_table"]
    assert details["step"].tolist() == [1, 2]
    # Both steps have the same number of targets.
    assert metrics["mae"]["value"] == pytest.approx(details["mae"].mean())
    outcomes = outputs["outcomes_table"]
    errors = outcomes["predicted"] - outcomes["actual"]
    assert metrics["bias"]["value"] == pytest.approx(errors.mean())
    assert {"time", "prediction", "q_0.95"} <= set(outputs["curves_table"].columns)
    assert set(outputs["curves_table"]["series"]) == {"'=a"}


def test_calibration_says_why_there_is_none(outputs):
    (note,) = outputs["calibration_metrics"]["calibration"]["notes"]
    assert "predicts numbers" in note
    for name in ("calibration", "risk_coverage", "thresholds", "operating_points"):
        assert outputs[f"{name}_table"].empty
        assert len(outputs[f"{name}_table"].columns) > 3


def test_the_page_says_what_it_should(outputs):
    page = Page(outputs["report"])
    text = " ".join(page.text.split())
    entry = outputs["metrics"]["oof"]["mae"]
    assert f"{entry['value']:.4g}" in text
    assert f"{entry['low']:.4g} to {entry['high']:.4g}" in text
    for fact in (
        "does not beat the naive",
        "2 steps ahead",
        "MASE",
        "90 % coverage",
        "Forecast over time",
        "a network",
    ):
        assert fact in text
    before = text[: text.index("Calibration, thresholds, abstention", 500)]
    for absent in ("probabilities", " classes.", "held-out"):
        assert absent not in before.lower()
    assert not re.search(r"\bnan\b", text.lower())
    assert sum(tag == "svg" for tag, _ in page.elements) >= 3
    assert "pinball loss" in text[text.index("What the metrics mean", 1000) :]


def test_verdicts_and_notes_stand_on_the_page_and_are_escaped():
    evaluation = evaluate_regression(regression_predictions(num_test=10), None, CONFIG)
    html = render_report(
        evaluation,
        title="t",
        card={},
        network={},
        split={"targets": {"0": {"mean": 2.5}}},
        provenance={},
        baselines=["The model does not beat <b>x</b>."],
    )
    page = Page(html)
    assert "The model does not beat <b>x</b>." in page.text
    assert not any(tag == "b" for tag, _ in page.elements)
    assert "held-out test" in page.text
    assert "Errors and calibration" in page.text
    assert "2.5" in page.text


@pytest.mark.parametrize("draw", FIGURES)
def test_the_same_evaluation_gives_the_same_bytes(draw):
    evaluation = evaluate_regression(regression_predictions(num_steps=2), None, CONFIG)
    assert inline_svg(draw(evaluation), "title") == inline_svg(draw(evaluation), "title")


@pytest.mark.parametrize("draw", FIGURES)
@pytest.mark.parametrize(
    "options",
    [
        {"size": 1200, "levels": ()},
        {"num_steps": 7, "num_test": 12},
        {"repeats": 2, "levels": (0.05, 0.95)},
        {"noise": 0.0},
        {"num_folds": 1},
    ],
)
def test_any_table_can_be_drawn(draw, options):
    evaluation = evaluate_regression(regression_predictions(**options), None, CONFIG)
    buffer = io.BytesIO()
    draw(evaluation).savefig(buffer, format="png", dpi=40)
    assert len(buffer.getvalue()) > 1000


@pytest.mark.parametrize("draw", FIGURES)
def test_constant_numbers_can_be_drawn(draw):
    table = regression_predictions(size=1000).assign(target=0.0, prediction=0.0)
    table[[name for name in table if name.startswith("q_")]] = 0.0
    evaluation = evaluate_regression(table, None, CONFIG)
    assert draw(evaluation).axes
    assert np.isnan(evaluation.parts["oof"].estimates.pooled["r2"].value)


def test_the_evaluation_of_numbers_needs_no_classes(outputs):
    assert isinstance(outputs["outcomes_table"], pd.DataFrame)
    assert "positive_class" not in outputs["metrics"]["info"]
