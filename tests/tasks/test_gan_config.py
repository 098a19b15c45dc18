import subprocess
import sys

import pytest
from pydantic import ValidationError

from foldwise.tasks.gan_config import TrainGanConfig


def test_wasserstein_brings_its_steps_and_its_penalty():
    config = TrainGanConfig.of(model={"name": "wgan_gp"})
    assert (config.discriminator_steps, config.gradient_penalty) == (5, 10.0)
    chosen = {"discriminator_steps": 2, "gradient_penalty": 1.0}
    config = TrainGanConfig.of(model={"name": "wgan_gp"}, fit=chosen)
    assert (config.discriminator_steps, config.gradient_penalty) == (2, 1.0)
    config = TrainGanConfig()
    assert (config.discriminator_steps, config.gradient_penalty) == (1, 0.0)


def test_a_text_is_a_list_of_policies():
    config = TrainGanConfig.of(fit={"diff_augment": "color;translation"})
    assert config.fit.diff_augment == ("color", "translation")


def test_a_text_is_a_pair_of_betas():
    config = TrainGanConfig.of(fit={"generator": {"betas": "0.0;0.9"}})
    assert config.fit.generator.betas == (0.0, 0.9)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"model": {"latent_size": 0, "name": "gan"}}, "latent_size"),
        ({"fit": {"diff_augment": "colour"}}, "'color', 'translation', 'cutout'"),
        ({"fit": {"generator": {"betas": "0.5"}}}, "betas.1"),
        ({"fit": {"generator": {"betas": "0.5;1"}}}, "less than 1"),
        ({"fit": {"max_epoch": 3}}, "did you mean 'max_epochs'"),
        ({"fit": {"label_smoothing": 0.5}}, "less than 0.5"),
        ({"fit": {"on_collapse": "retry"}}, "'stop', 'restart' or 'warn'"),
        ({"num_folds": 0}, "num_folds"),
        (
            {"model": {"name": "wgan_gp"}, "fit": {"gradient_penalty": 0}},
            "needs a critic whose slope is bounded",
        ),
        (
            {"model": {"name": "dcgan", "loss": "wasserstein"}},
            "fit.gradient_penalty is 10, but the discriminator of model.name=dcgan has batch norm",
        ),
        (
            {"model": {"name": "wgan_gp"}, "fit": {"label_smoothing": 0.1}},
            "fit.label_smoothing is 0.1, but model.loss=wasserstein knows no labels",
        ),
    ],
)
def test_wrong_parameters_are_named(values, told):
    with pytest.raises(ValidationError) as error:
        TrainGanConfig.of(**values)
    assert told in str(error.value)


@pytest.mark.slow
def test_parameters_and_cards_are_free_of_torch():
    code = (
        "import sys, foldwise.tasks.gan_config, foldwise.tasks.gan_models, foldwise.tasks.events;"
        "sys.exit('torch' in sys.modules or 'matplotlib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
