import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from model_cards import make_card

import foldwise
from foldwise.data.folds import SplitConfig, fold_parts, held_out_ids, make_folds
from foldwise.data.preprocessing import ImagePreprocessing
from foldwise.data.samples import Samples
from foldwise.models.build import build_cnn
from foldwise.models.config import LeNet5Config, SmallCnnConfig, WideResNetConfig
from foldwise.modules import inputs
from foldwise.modules.data_module import EvaluationBatches
from foldwise.modules.images import StreamedImages
from foldwise.tasks import inference
from foldwise.tasks.fold_models import (
    CARD,
    WEIGHTS,
    FoldModels,
    ModelError,
    write_model,
)
from foldwise.tasks.predict import Predictor, predict_folds, predict_folds_and_inner


def save(weights):
    """Return what `write_model` calls to write weights."""
    from safetensors.torch import save_file

    return lambda path: save_file(weights, path)


def write_untrained(models, samples, folds, config=None, seed=0):
    """Write a network for each fold whose weights were never fitted."""
    config = config or SmallCnnConfig(widths=(4,))
    for repeat, fold in folds.jobs:
        torch.manual_seed(seed + fold)
        network = build_cnn(config, samples.x.shape[1:], len(samples.classes))
        card = make_card(
            model=config,
            classes=samples.classes,
            shape=samples.x.shape[1:],
            preprocessing=ImagePreprocessing(mean=(0.4,), std=(0.2,)),
            repeat=repeat,
            fold=fold,
            samples_hash=samples.content_hash,
            folds_hash=folds.content_hash,
        )
        write_model(models.folder(repeat, fold), card, save(network.state_dict()))
    return models


@pytest.fixture(scope="module")
def models(tmp_path_factory, samples, folds):
    with torch.random.fork_rng():
        return write_untrained(FoldModels(tmp_path_factory.mktemp("cnn")), samples, folds)


@pytest.fixture(scope="module")
def predictor(models):
    return Predictor(models.folder(0, 0))


@pytest.fixture
def copied(models, tmp_path):
    return FoldModels(shutil.copytree(models.root, tmp_path / "cnn"))


def test_probabilities_are_the_softmax_of_the_networks_logits(predictor, models, samples):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_cnn(predictor.card.model, predictor.card.shape, 2).eval()
    with torch.no_grad():
        logits = network((torch.from_numpy(samples.x).float() / 255 - 0.4) / 0.2)
    expected = logits.double().softmax(dim=1).numpy()
    found = predictor.probabilities(samples.x)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-12)


def test_images_of_a_memory_map_are_read_in_passing(predictor, samples, tmp_path, monkeypatch):
    np.save(tmp_path / "x.npy", np.concatenate([samples.x] * 12))  # more than two batches
    x = np.load(tmp_path / "x.npy", mmap_mode="r")
    taken = []

    class Watched(StreamedImages):
        def take(self, positions):
            taken.append(len(positions))
            return super().take(positions)

    monkeypatch.setattr(inputs, "StreamedImages", Watched)
    expected = np.concatenate([predictor.probabilities(samples.x)] * 12)
    taken.clear()
    np.testing.assert_allclose(predictor.probabilities(x), expected, rtol=1e-5)
    assert sum(taken) == len(x)
    assert max(taken) < len(x)


def test_rows_choose_and_order_the_images(predictor, samples):
    rows = np.array([7, 3, 3])
    np.testing.assert_allclose(
        predictor.probabilities(samples.x, rows),
        predictor.probabilities(samples.x)[rows],
        rtol=1e-5,
    )


def test_a_table_names_the_likeliest_class(predictor, samples):
    table = predictor.predict(samples.x)
    assert list(table.columns) == ["prediction", "p_bright", "p_dark"]
    likelier = np.where(table["p_bright"] > table["p_dark"], "bright", "dark")
    assert list(table["prediction"]) == list(likelier)
    assert len(table) == len(samples)


@pytest.mark.parametrize(
    "config",
    [SmallCnnConfig(widths=(4,)), LeNet5Config(), WideResNetConfig(depth=10, width_factor=1)],
)
def test_no_images_give_an_empty_table(tmp_path, samples, folds, config):
    with torch.random.fork_rng():
        write_untrained(FoldModels(tmp_path), samples, folds, config)
    predictor = foldwise.load(tmp_path / "fold_0")
    assert predictor.probabilities(samples.x[:0]).shape == (0, 2)
    table = predictor.predict(samples.x[:0])
    assert list(table.columns) == ["prediction", "p_bright", "p_dark"]
    assert len(table) == 0


@pytest.mark.parametrize("shape", [(3, 1, 8, 9), (3, 3, 8, 8), (3, 8, 8), (3, 8, 8, 1), (1, 8, 8)])
def test_images_of_another_shape_are_refused(predictor, shape):
    with pytest.raises(ModelError, match=r"shape \(N, 1, 8, 8\) and type uint8") as refused:
        predictor.predict(np.zeros(shape, dtype=np.uint8))
    assert str(shape) in str(refused.value)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_images_of_another_type_are_refused(predictor, dtype):
    """Pixels in 0..1 would else be taken for nearly black ones."""
    with pytest.raises(ModelError, match=f"type uint8, but got .*{np.dtype(dtype)}"):
        predictor.predict(np.zeros((3, 1, 8, 8), dtype=dtype))


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"fold_7.*is missing\. Run the stage 'train' first"):
        foldwise.load(tmp_path / "fold_7")
    with pytest.raises(ModelError, match="holds no trained network"):
        FoldModels(tmp_path / "nowhere").cards()


@pytest.mark.parametrize("file", [WEIGHTS, CARD])
def test_a_missing_file_is_named(copied, file):
    (copied.folder(0, 1) / file).unlink()
    with pytest.raises(ModelError, match=rf"fold_1/{file} is missing"):
        Predictor(copied.folder(0, 1))


@pytest.mark.parametrize("file", [WEIGHTS, CARD])
@pytest.mark.parametrize("damage", ["a flipped bit", "cut off", "empty", "something else"])
def test_a_damaged_file_is_named_and_never_used(copied, file, damage):
    path = copied.folder(0, 0) / file
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    half = bytes(content[: len(content) // 2])
    other = {
        "a flipped bit": bytes(content),
        "cut off": half,
        "empty": b"",
        "something else": b"\xff",
    }
    path.write_bytes(other[damage])
    with pytest.raises(ModelError, match=rf"fold_0/{file} is damaged"):
        Predictor(copied.folder(0, 0))
    assert copied.finished(0, 0, "f") is None


def test_what_is_just_being_written_is_no_network(copied):
    """A process that was killed while it wrote leaves a hidden folder."""
    half = copied.root / ".fold_0.tmp-4000000-0123456789abcdef"
    half.mkdir()
    assert [card.fold for card in copied.cards()] == [0, 1]
    copied.prune([(0, 0), (0, 1)])
    assert not half.exists()


def test_a_network_that_had_stepped_aside_comes_back_before_the_rest_is_removed(copied):
    copied.folder(0, 1).rename(copied.root / ".fold_1.old-4000000-0123456789abcdef")
    (copied.root / "fold_9").mkdir()
    copied.prune([(0, 0), (0, 1)])
    assert [card.fold for card in copied.cards()] == [0, 1]
    assert not (copied.root / "fold_9").exists()


def test_the_predictions_table_is_that_of_each_folds_own_network(models, samples, folds):
    table = predict_folds(models, samples, folds)
    assert list(table.columns) == [
        *("sample_id", "repeat", "fold", "part", "target", "p_bright", "p_dark")
    ]
    x = dict(zip(samples.table["sample_id"], samples.x, strict=True))
    label = samples.table.set_index("sample_id")["label"]
    for parts in fold_parts(folds, samples.table):
        predictor = Predictor(models.folder(parts.repeat, parts.fold))
        for part, ids in (("oof", parts.oof), ("test", held_out_ids(folds))):
            rows = table[(table["fold"] == parts.fold) & (table["part"] == part)]
            assert list(rows["sample_id"]) == list(ids)
            assert list(rows["target"]) == list(label[list(ids)])
            expected = predictor.probabilities(np.stack([x[i] for i in ids]))
            np.testing.assert_allclose(rows[["p_bright", "p_dark"]], expected, rtol=1e-5)


def test_without_a_test_part_there_are_out_of_fold_rows_only(tmp_path, samples):
    folds = make_folds(samples.table, SplitConfig(num_folds=2, test_fraction=0))
    with torch.random.fork_rng():
        models = write_untrained(FoldModels(tmp_path), samples, folds)
    table = predict_folds(models, samples, folds)
    assert sorted(table["sample_id"]) == sorted(samples.table["sample_id"])
    assert set(table["part"]) == {"oof"}
    assert table["p_dark"].dtype == np.float64


def test_the_inner_part_is_predicted_by_its_folds_own_network(models, samples, folds):
    table, inner = predict_folds_and_inner(models, samples, folds)
    pd.testing.assert_frame_equal(table, predict_folds(models, samples, folds))
    assert list(inner.columns) == list(table.columns)
    assert set(inner["part"]) == {"inner"}
    x = dict(zip(samples.table["sample_id"], samples.x, strict=True))
    label = samples.table.set_index("sample_id")["label"]
    for parts in fold_parts(folds, samples.table):
        rows = inner[inner["fold"] == parts.fold]
        assert list(rows["sample_id"]) == list(parts.validation)
        assert not {*parts.validation} & {*parts.train, *parts.oof}
        assert list(rows["target"]) == list(label[list(parts.validation)])
        predictor = Predictor(models.folder(parts.repeat, parts.fold))
        expected = predictor.probabilities(np.stack([x[i] for i in parts.validation]))
        np.testing.assert_allclose(rows[["p_bright", "p_dark"]], expected, rtol=1e-5)


def test_networks_of_other_folds_or_other_samples_are_refused(models, copied, samples, folds):
    other_folds = make_folds(samples.table, SplitConfig(num_folds=2, seed=1))
    changed = samples.table.assign(sha256=samples.table["sha256"].str.upper())
    other_samples = Samples(samples.x, changed, samples.classes)
    same_folds = make_folds(changed, SplitConfig.of(**folds.info["parameters"]))
    for arguments in ((samples, other_folds), (other_samples, same_folds)):
        with pytest.raises(ModelError, match="no network of these samples and folds"):
            predict_folds(models, *arguments)
    shutil.rmtree(copied.folder(0, 1))
    with pytest.raises(ModelError, match="fold_1 holds no network of these"):
        predict_folds(copied, samples, folds)


def test_predictions_do_not_depend_on_what_the_process_did_before(predictor, samples, monkeypatch):
    def settings():
        cudnn = torch.backends.cudnn
        return torch.are_deterministic_algorithms_enabled(), cudnn.deterministic, cudnn.allow_tf32

    during = []

    class Watched(EvaluationBatches):
        def __iter__(self):
            during.append(settings())
            return super().__iter__()

    monkeypatch.setattr(inference, "EvaluationBatches", Watched)
    before = settings()
    predictor.probabilities(samples.x)
    assert during == [(True, True, False)]  # and float32 is not TF32
    assert settings() == before
