import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from foldwise.data.samples import Samples
from foldwise.errors import UserError
from foldwise.modules import gan_health
from foldwise.modules.gan_looks import GanLooks
from foldwise.tasks import fit_gan
from foldwise.tasks.fit_gan import CollapsedError, GanTrainingError, fit_generator
from foldwise.tasks.gan_config import TrainGanConfig

ROWS = np.arange(0, 90, 2)
SMALL = {"latent_size": 4, "widths": [8, 8], "hidden_size": 8}
MODELS = {
    "cgan": {"name": "cgan", **SMALL},
    "dcgan": {"name": "dcgan", **SMALL},
    "wgan_gp": {"name": "wgan_gp", **SMALL},
    "gan": {"name": "gan", "latent_size": 4, "widths": [8], "conditional": True},
    "least_squares": {"name": "hinge", "loss": "least_squares", **SMALL},
}
FITS = {
    "cgan": {"r1": 1.0, "r1_every": 3, "diff_augment": "color;translation;cutout"},
    "wgan_gp": {"discriminator_steps": 2},
    "gan": {"ema_decay": 0.0, "class_sampling": "as_found", "label_smoothing": 0.1},
}


def config_of(model="cgan", **fit):
    values = {"max_epochs": 4, "batch_size": 8, "sample_every": 2, "accelerator": "cpu"}
    return TrainGanConfig.of(
        model=MODELS[model], fit=values | {"on_collapse": "warn"} | FITS.get(model, {}) | fit
    )


def series_samples(lengths=None, num=40):
    random = np.random.default_rng(0)
    labels = np.arange(num) % 2
    waves = np.sin(np.arange(12)[None] * (1 + labels[:, None]) + random.uniform(0, 6, (num, 1)))
    x = np.stack([waves * 5 + 100, -waves], axis=2).astype(np.float32)
    table = pd.DataFrame(
        {
            "sample_id": [f"s{i:02d}" for i in range(num)],
            "label": np.array(["slow", "fast"])[labels],
            "sha256": [str(i) for i in range(num)],
        }
    )
    if lengths is not None:
        table["length"] = lengths
    return Samples(x, table, ("slow", "fast"), modality="series")


class Killer:
    """Ends a fit with an error after an epoch, and keeps what it was told."""

    def __init__(self, kill_at=None):
        self.kill_at, self.reports = kill_at, []

    def __call__(self, report):
        self.reports.append(report)
        if report.record.epoch == self.kill_at:
            raise RuntimeError("killed here")


def assert_equal(one, other):
    assert one.state.history == other.state.history
    assert one.state.generator_losses == other.state.generator_losses
    assert one.state.discriminator_losses == other.state.discriminator_losses
    assert one.findings == other.findings
    for ours, theirs in (
        (one.weights, other.weights),
        (one.state.optimizers, other.state.optimizers),
        (one.state.average, other.state.average),
        (one.state.weights, other.state.weights),
    ):
        assert set(ours) == set(theirs)
        for name, tensor in ours.items():
            assert torch.equal(tensor, theirs[name]), name


@pytest.mark.parametrize("model", MODELS)
def test_a_killed_fit_goes_on_bit_for_bit(model, samples, tmp_path):
    config = config_of(model)
    undisturbed = fit_generator(samples, ROWS, config, 0, tmp_path / "undisturbed")
    with pytest.raises(RuntimeError, match="killed here"):
        fit_generator(samples, ROWS, config, 0, tmp_path / "killed", Killer(1))
    rest = Killer()
    resumed = fit_generator(samples, ROWS, config, 0, tmp_path / "killed", rest)
    assert [report.record.epoch for report in rest.reports] == [2, 3]
    assert_equal(resumed, undisturbed)


def test_a_killed_fit_of_series_goes_on_bit_for_bit(tmp_path):
    samples, rows = series_samples(), np.arange(40)
    model = {"name": "recurrent", "latent_size": 2, "width": 4}
    config = TrainGanConfig.of(
        model=model,
        fit=config_of().fit.model_dump() | {"diff_augment": "jitter;shift", "r1": 0},
    )
    undisturbed = fit_generator(samples, rows, config, 0, tmp_path / "undisturbed")
    with pytest.raises(RuntimeError, match="killed here"):
        fit_generator(samples, rows, config, 0, tmp_path / "killed", Killer(2))
    assert_equal(fit_generator(samples, rows, config, 0, tmp_path / "killed"), undisturbed)
    sampler = undisturbed.sampler
    drawn = sampler.generate(np.array([0, 1, 1]), sampler.latents(3, 0))
    assert drawn.shape == (3, 12, 2)
    assert drawn.dtype == np.float32
    assert abs(drawn[..., 0].mean() - 100) < 5  # in the user's units


def test_the_seed_and_nothing_else_decides(samples, tmp_path):
    config = config_of(max_epochs=2)
    one = fit_generator(samples, ROWS, config, 0, tmp_path / "1")
    torch.manual_seed(1)
    again = fit_generator(samples, ROWS[::-1], config, 0, tmp_path / "2")
    other = fit_generator(samples, ROWS, config, 1, tmp_path / "3")
    assert_equal(one, again)
    assert one.state.generator_losses != other.state.generator_losses


def test_the_losses_of_each_step_are_told(samples, tmp_path):
    told = Killer()
    fitted = fit_generator(samples, ROWS, config_of(), 0, tmp_path, told)
    steps = [len(report.generator_losses) for report in told.reports]
    assert steps == [6] * 4  # 45 samples in batches of 8
    assert [report.first_step for report in told.reports] == [0, 6, 12, 18]
    joined = [loss for report in told.reports for loss in report.discriminator_losses]
    assert joined == fitted.state.discriminator_losses
    for report in told.reports:
        assert report.record.generator_loss == pytest.approx(np.mean(report.generator_losses))
    firsts = [report.first_grid for report in told.reports]
    assert [grid is None for grid in firsts] == [False, True, True, True]
    grids = [report.grid for report in told.reports]
    assert [grid is None for grid in grids] == [True, False, True, False]
    assert firsts[0].shape == grids[1].shape
    assert (firsts[0] != grids[1]).any()
    assert grids[1].shape == (2 * 34 + 2, 8 * 34 + 2, 1)  # of each of two classes a row of eight


def test_what_is_kept_is_the_mean_of_the_weights(samples, tmp_path):
    fitted = fit_generator(samples, ROWS, config_of(), 0, tmp_path)
    kept = fitted.networks.generator.state_dict()
    for name, tensor in kept.items():
        assert torch.equal(tensor, fitted.state.average[f"module.{name}"])
    assert any(
        not torch.equal(tensor, fitted.state.weights[f"generator.{name}"])
        for name, tensor in kept.items()
    )
    assert fitted.class_counts == (30, 15)


@pytest.fixture
def blind(monkeypatch):
    """All generators ignore their latents."""

    class Blind(nn.Module):
        def __init__(self, generator):
            super().__init__()
            self.inner, self.latent_shape = generator, generator.latent_shape

        def forward(self, latents, labels):
            return self.inner(torch.zeros_like(latents), labels)

    build = fit_gan.build_gan
    monkeypatch.setattr(gan_health, "FIRST_STEPS", 0)

    def build_blind(*arguments):
        networks = build(*arguments)
        return type(networks)(Blind(networks.generator), networks.discriminator)

    monkeypatch.setattr(fit_gan, "build_gan", build_blind)


def test_a_generator_that_ignores_its_latents_is_stopped(blind, samples, tmp_path):
    config = config_of(max_epochs=10, sample_every=1, on_collapse="stop")
    told = Killer()
    with pytest.raises(CollapsedError) as error:
        fit_generator(samples, ROWS, config, 0, tmp_path, told)
    assert told.reports[-1].record.epoch == 3  # a fifth of ten epochs, then three looks in a row
    assert told.reports[-1].record.diversity == pytest.approx(0, abs=1e-6)
    assert "After epoch 4" in str(error.value)
    assert "0% as far apart as real ones" in str(error.value)
    assert "fit.discriminator.lr" in str(error.value)
    with pytest.raises(CollapsedError, match="After epoch 4"):  # and is not gone on with
        fit_generator(samples, ROWS, config, 0, tmp_path, Killer(0))


def test_with_warn_a_collapsed_fit_goes_on_and_says_so(blind, samples, tmp_path):
    config = config_of(max_epochs=6, sample_every=1)
    fitted = fit_generator(samples, ROWS, config, 0, tmp_path)
    assert len(fitted.state.history) == 6
    assert [finding.check for finding in fitted.findings] == ["mode_collapse"]


@pytest.fixture(scope="module")
def digits():
    """Zeros to threes of scikit-learn's digits, about 180 of each."""
    found = load_digits(n_class=4)
    labels = found.target.astype(str)
    table = pd.DataFrame({"sample_id": [f"d{i:03d}" for i in range(len(labels))], "label": labels})
    x = (found.images[:, None] * 255 / 16).astype(np.uint8)
    return Samples(x, table, ("0", "1", "2", "3"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gan", "cgan"])
def test_a_sound_generator_is_not_accused(name, digits, tmp_path):
    config = TrainGanConfig.of(
        model={"name": name, "conditional": True, "widths": [32, 64] if name == "gan" else [32]},
        fit={
            "max_epochs": 60,
            "sample_every": 2,
            "generator": {"lr": 1e-3},
            "discriminator": {"lr": 1e-3},
        },
    )
    fitted = fit_generator(digits, np.arange(len(digits)), config, 0, tmp_path)
    last = fitted.state.history[-1]
    assert last.diversity > 0.5
    assert last.missing_clusters <= 0.25 * last.num_clusters
    assert fitted.findings == ()


@pytest.mark.slow
def test_a_discriminator_that_is_far_too_fast_is_told(digits, tmp_path):
    """Both signs at once: it tells all samples rightly, and the generator makes few."""
    config = TrainGanConfig.of(
        model={"name": "gan", "widths": [32, 64]},
        fit={"max_epochs": 40, "sample_every": 3, "discriminator": {"lr": 0.3}},
    )
    told = Killer()
    with pytest.raises(CollapsedError, match="It does not converge"):
        fit_generator(digits, np.arange(len(digits)), config, 0, tmp_path, told)
    last = told.reports[-1]
    assert last.record.discriminator_accuracy > 0.99
    assert {finding.check for finding in last.findings} == {
        "mode_collapse",
        "discriminator_saturation",
    }


def collapses_at_first(monkeypatch):
    """Let the first attempt of each fit look collapsed."""
    monkeypatch.setattr(gan_health, "FIRST_STEPS", 0)
    look, attempts = GanLooks.look, []
    init = GanLooks.__init__

    def count(self, *arguments, seed, **values):
        if seed not in attempts:
            attempts.append(seed)
        self.attempt = attempts.index(seed)
        init(self, *arguments, seed=seed, **values)

    def alike(self, generator):
        found, grid = look(self, generator)
        if self.attempt == 0:
            found = type(found)(0.0, 0.0, 0, 1, 1)
        return found, grid

    monkeypatch.setattr(GanLooks, "__init__", count)
    monkeypatch.setattr(GanLooks, "look", alike)


def test_a_restart_takes_other_weights_and_is_told(samples, tmp_path, monkeypatch):
    collapses_at_first(monkeypatch)
    config = config_of(max_epochs=6, sample_every=1, on_collapse="restart")
    starts = []
    fitted = fit_generator(
        samples,
        ROWS,
        config,
        0,
        tmp_path / "restarted",
        on_start=lambda attempt, state, findings: starts.append((attempt, findings)),
    )
    assert [attempt for attempt, _ in starts] == [0, 1]
    assert fitted.num_restarts == 1
    assert fitted.findings[0].check == starts[1][1][0].check == "mode_collapse"
    assert len(fitted.state.history) == 6
    # Killed in the second attempt, it goes on there, and ends as if it had never been.
    for kill_at in (2, 3):
        killer = Killer()
        killed = tmp_path / f"killed_{kill_at}"

        def kill(report, killer=killer, kill_at=kill_at):
            killer(report)
            if len(killer.reports) == 4 + kill_at:
                raise RuntimeError("killed here")

        with pytest.raises(RuntimeError, match="killed here"):
            fit_generator(samples, ROWS, config, 0, killed, kill)
        rest = Killer()
        assert_equal(fit_generator(samples, ROWS, config, 0, killed, rest), fitted)
        assert len(rest.reports) == 6 - kill_at


def test_after_the_last_restart_it_is_an_error(blind, samples, tmp_path):
    config = config_of(max_epochs=5, sample_every=1, on_collapse="restart", max_restarts=1)
    with pytest.raises(CollapsedError, match="Attempt 2 of 2: It does not converge"):
        fit_generator(samples, ROWS, config, 0, tmp_path)


@pytest.mark.parametrize("on_collapse", ["stop", "warn"])
def test_losses_that_are_no_numbers_are_an_error(on_collapse, samples, tmp_path):
    config = config_of("gan", on_collapse=on_collapse, discriminator={"lr": 1e38})
    with pytest.raises(CollapsedError, match=r"In epoch 1, at its step \d+, the generator's loss"):
        fit_generator(samples, ROWS, config, 0, tmp_path)


def test_series_of_unequal_lengths_are_refused(tmp_path):
    samples = series_samples(lengths=[12] * 39 + [7])
    with pytest.raises(GanTrainingError, match="these have 7 to 12 steps"):
        fit_generator(samples, np.arange(40), config_of(), 0, tmp_path)


def test_series_that_lack_values_are_refused(tmp_path):
    samples = series_samples()
    samples.x[3, 2, 0] = np.nan
    config = TrainGanConfig.of(model={"name": "recurrent"}, fit={"batch_size": 8})
    with pytest.raises(GanTrainingError, match="1 of 40 lack values"):
        fit_generator(samples, np.arange(40), config, 0, tmp_path)


def test_a_regression_and_tables_are_refused(samples, tmp_path):
    numbers = Samples(samples.x, samples.table, ())
    with pytest.raises(GanTrainingError, match="the target of these samples is a number"):
        fit_generator(numbers, ROWS, config_of(), 0, tmp_path)
    table = Samples(samples.x[:, 0, 0].astype(np.float32), samples.table, ("a",), modality="table")
    with pytest.raises(GanTrainingError, match=r"the samples are tables.*smote"):
        fit_generator(table, ROWS, config_of(), 0, tmp_path)


def test_too_few_samples_are_refused(samples, tmp_path):
    told = r"has 45 samples, .* fewer than a batch of 64\..* train_gan\.fit\.batch_size=8"
    with pytest.raises(GanTrainingError, match=told):
        fit_generator(samples, ROWS, config_of(batch_size=64), 0, tmp_path)
    rows = np.r_[0:20, 88:90]
    with pytest.raises(GanTrainingError, match=r"fewer than 3 .* 'dark' \(2\).*oversample"):
        fit_generator(samples, rows, config_of(), 0, tmp_path)
    fit_generator(samples, rows, config_of("dcgan", max_epochs=1), 0, tmp_path)


def test_policies_of_other_samples_are_refused(samples, tmp_path):
    with pytest.raises(UserError, match="'jitter', which there is not for images"):
        fit_generator(samples, ROWS, config_of(diff_augment="jitter"), 0, tmp_path)
