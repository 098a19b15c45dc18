"""The stage `explain` of each family, from tiny trained networks to the section of the report."""

import functools
import io
import json

import numpy as np
import pytest
from baseline_samples import images, series, table, tokens
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner
from PIL import Image
from test_train_families import FIT, GAPS, QUANTILES, Training, mlp, numbers, rnn

from foldwise.pipelines.explain import create_pipeline
from foldwise.tasks.explain.chosen_samples import ExplainError
from foldwise.tasks.explain.config import ExplainConfig
from foldwise.tasks.explain.explain import explain
from foldwise.tasks.explain.explanations import Explanations
from foldwise.tasks.explain.present import make_explanations
from foldwise.tasks.explain.section import explanations_section
from foldwise.tasks.fold_models import FoldModels, ModelError
from foldwise.tasks.train_config import TrainCnnConfig

SMALL = {"fit": {**FIT, "max_epochs": 1}}
CONVOLUTIONS = {"name": "small_cnn", "widths": [4, 6]}
MOTIFS = {"name": "cnn1d", "widths": [6, 6], "kernel_sizes": [4, 3], "token_input": "one_hot"}
ATTENTIVE = {"name": "gru", "hidden_size": 4, "readout": "attention"}

# family: samples, parameters, what pictures there are, methods
FAMILIES = {
    "cnn": (
        functools.partial(images, size=40),
        TrainCnnConfig.of(model=CONVOLUTIONS, **SMALL),
        {"attributions", "filters", "gallery", "feature_maps", "embedding", "sanity"},
        {"saliency", "integrated_gradients", "occlusion", "gradcam"},
    ),
    "rnn": (
        functools.partial(series, size=40),
        rnn(model=ATTENTIVE, inputs=GAPS),
        {"attributions", "feature_maps", "embedding", "sanity"},
        {"saliency", "integrated_gradients", "occlusion", "attention"},
    ),
    "rnn of texts": (
        functools.partial(tokens, size=40),
        rnn(model=MOTIFS),
        {"attributions", "motifs", "feature_maps", "embedding", "sanity"},
        {"integrated_gradients", "occlusion"},
    ),
    "mlp": (
        functools.partial(table, size=60),
        mlp(model={"name": "mlp", "widths": [8]}),
        {"attributions", "importances", "embedding", "sanity"},
        {"integrated_gradients", "occlusion"},
    ),
    "mlp of numbers": (
        functools.partial(numbers, size=60),
        mlp(model={"name": "linear"}, loss=QUANTILES),
        {"attributions", "importances", "embedding", "sanity"},
        {"integrated_gradients", "occlusion"},
    ),
}


QUICK = ("cnn", "rnn", "mlp")
PARAMS = [
    name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in FAMILIES
]


@pytest.fixture(scope="module", params=PARAMS)
def trained(request, tmp_path_factory):
    make, config, pictures, methods = FAMILIES[request.param]
    training = Training(make(), config, tmp_path_factory.mktemp("family") / "models")
    training.into(training.models)
    return request.param[:3], training, pictures, methods


def run_stage(family, training, config):
    inputs = {
        f"{family}_models": training.models,
        f"{family}_predictions": training.predictions(),
        "samples": training.samples,
        "folds": training.folds,
        "params:explain": config,
    }
    pipeline = create_pipeline(family)
    names = [*inputs, *pipeline.all_outputs()]
    catalog = DataCatalog({n: MemoryDataset(inputs.get(n), copy_mode="assign") for n in names})
    SequentialRunner().run(pipeline, catalog)
    return {name: catalog.load(name) for name in pipeline.outputs()}


def test_the_stage_explains_samples_that_the_network_did_not_see(trained):
    family, training, pictures, methods = trained
    config = ExplainConfig(max_samples=3, num_steps=8)
    outputs = run_stage(family, training, config)
    given = (training.models, training.samples, training.folds, training.predictions())
    findings = explain(*given, config)
    assigned = training.folds.table.set_index("sample_id")["fold"]
    assert len(findings.explained) in (2, 3)  # where one class is always predicted, 2
    for one in findings.explained:
        assert assigned[one.sample.sample_id] == one.sample.fold
        assert set(one.attributions) == methods
        shape = {values.shape for values in one.attributions.values()}
        assert len(shape) == 1
        assert all(np.isfinite(values).all() for values in one.attributions.values())
    stored = outputs[f"{family}_explanations"]
    text = json.dumps(stored, allow_nan=False)
    assert len(text) < 1_500_000
    section = explanations_section(json.loads(text))
    assert {picture["name"] for picture in stored["pictures"]} == pictures
    assert len(section.images) == len(pictures)
    for picture in section.images:
        assert Image.open(io.BytesIO(picture.png)).format == "PNG"
        assert picture.note
        assert picture.alt
    again = make_explanations(findings, config).model_dump(mode="json")
    assert json.dumps(again) == text  # of two runs


def test_what_is_switched_off_is_said_and_costs_nothing(trained):
    family, training, _, _ = trained
    gone = FoldModels(training.models.root / "nowhere")
    findings = explain(gone, training.samples, training.folds, None, ExplainConfig(enabled=False))
    assert not findings.is_enabled
    outputs = run_stage(family, training, ExplainConfig(enabled=False))
    stored = Explanations.model_validate(outputs[f"{family}_explanations"])
    assert stored.pictures == ()
    (paragraph,) = explanations_section(stored).paragraphs
    assert "explain.enabled=false" in paragraph


@pytest.fixture(scope="module")
def convolutions(tmp_path_factory):
    make, config, *_ = FAMILIES["cnn"]
    training = Training(make(), config, tmp_path_factory.mktemp("cnn") / "models")
    training.into(training.models)
    return training


REFUSED = {
    "a sample": ({"samples": "nobody"}, r"explain.samples is 'nobody', which is none of the 40"),
    "a method": ({"methods": "attention"}, r"'attention', but .* These fit: saliency"),
    "a fold": ({"embedding": {"fold": 7}}, r"embedding.fold is 7, but .* folds 0, 1"),
    "a layer": (
        {"dream": {"enabled": True, "layer": "top"}},
        r"dream.layer is 'top', which is no layer .*'features.0'",
    ),
    "a unit": ({"maximise": {"enabled": True, "units": "9"}}, "names 9, but the layer has 2"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_exist_is_named(case, convolutions):
    values, message = REFUSED[case]
    config = ExplainConfig.of(sanity={"enabled": False}, num_steps=8, max_samples=1, **values)
    with pytest.raises(ExplainError, match=message):
        explain(
            convolutions.models,
            convolutions.samples,
            convolutions.folds,
            convolutions.predictions(),
            config,
        )


def test_without_trained_networks_the_stage_to_run_is_named(convolutions, tmp_path):
    training = convolutions
    with pytest.raises(ModelError, match=r"no trained network\. Run the stage 'train'"):
        explain(FoldModels(tmp_path), training.samples, training.folds, None, ExplainConfig())


def test_nothing_was_explained_is_said():
    (paragraph,) = explanations_section({}).paragraphs
    assert "the stage 'explain' has not run" in paragraph


def test_nodes_are_tagged_and_named_after_their_families():
    pipeline = create_pipeline("rnn")
    assert {node.name for node in pipeline.nodes} == {"explain_rnn", "draw_explanations_rnn"}
    assert all(node.tags == {"explain"} for node in pipeline.nodes)
    expected = {"rnn_models", "rnn_predictions", "samples", "folds", "params:explain"}
    assert pipeline.inputs() == expected
