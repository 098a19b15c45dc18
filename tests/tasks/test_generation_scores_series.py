import numpy as np
import pandas as pd
import pytest
from fake_generators import Remembering, gan_card, write_gan

from foldwise.data.folds import SplitConfig, make_folds
from foldwise.data.samples import Feature, Samples, array_hash
from foldwise.tasks.evaluate_gan_config import EvaluateGanConfig
from foldwise.tasks.gan_models import GanModels
from foldwise.tasks.gan_report import render_gan_report
from foldwise.tasks.generation_scores import score_generators

CONFIG = EvaluateGanConfig(epochs=8, per_class=20, num_threads=1, accelerator="cpu")


def waves(size, seed):
    """Slow and fast waves of any phase, in units of their own."""
    generator = np.random.default_rng(seed)
    labels = np.arange(size) % 2
    phases = generator.uniform(0, 2 * np.pi, size)
    times = np.arange(40) * np.where(labels, 0.9, 0.3)[:, None]
    x = 500 + 20 * np.sin(times + phases[:, None]) + generator.normal(size=(size, 40))
    return x[..., None].astype(np.float32), labels


@pytest.mark.slow
def test_series_are_measured_in_the_space_of_their_own_network(tmp_path):
    x, labels = waves(160, 0)
    classes = ("slow", "fast")
    table = pd.DataFrame(
        {
            "sample_id": [f"s{i:03d}" for i in range(len(x))],
            "label": np.array(classes)[labels],
            "group": None,
            "official_split": None,
            "source": "made",
            "sha256": [array_hash(series) for series in x],
        }
    )
    samples = Samples(x, table, classes, modality="series", features=(Feature(name="<i>u</i>"),))
    config = SplitConfig(scheme="stratified", num_folds=2, test_fraction=0)
    folds = make_folds(table, config)
    models = GanModels(tmp_path / "gans")
    card = write_gan(models, gan_card(samples, folds))
    found = score_generators(
        models,
        samples,
        folds,
        CONFIG,
        tmp_path / "workspace",
        open_generator=lambda _: Remembering(card, *waves(200, 1)),
    )
    scores = found.generators[0]
    assert scores.space == "fcn"
    assert scores.value("tstr_accuracy") > 0.9
    assert scores.value("frechet_ratio") < 4
    assert scores.value("copies") < 0.1
    assert scores.pictures.interpolated[0].shape[1:] == (40, 1)
    page = render_gan_report(found, provenance={})
    assert "<i>u</i>" not in page
