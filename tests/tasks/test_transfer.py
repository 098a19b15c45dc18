"""Weights found, loaded, frozen: against the files they came from."""

import copy
import io
import pickle
import urllib.error
from dataclasses import replace

import pytest
import torch
from model_cards import make_card
from pydantic import TypeAdapter, ValidationError
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional

from foldwise.atomic import sha256_file
from foldwise.data.preprocessing import ImagePreprocessing
from foldwise.errors import UserError
from foldwise.models.build import build_cnn
from foldwise.models.config import LeNet5Config, ResNet18Config, SmallCnnConfig, VggConfig
from foldwise.models.parts import head_name
from foldwise.parameter_errors import explain
from foldwise.tasks import torchvision_weights as torchvision_source
from foldwise.tasks.fold_models import FoldKey, FoldModels, write_model
from foldwise.tasks.pretrained import PretrainedWeights, find_weights
from foldwise.tasks.train import cross_validate, fold_jobs
from foldwise.tasks.transfer import (
    Transfer,
    freeze_body,
    prepare_transfer,
    transfer_fingerprint,
)
from foldwise.tasks.transfer_config import (
    FullTransfer,
    HeadTransfer,
    NoTransfer,
    PartialTransfer,
    TransferConfig,
)
from foldwise.tasks.weights_file import read_weights

SMALL = SmallCnnConfig(widths=(4, 8))
GREY = (1, 8, 8)
FOLD = FoldKey("samples", "folds", 0, 1)


def build(config=SMALL, shape=GREY, num_classes=3, seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build_cnn(config, shape, num_classes)


def names(count):
    return tuple("abcdefghij"[:count])


def write_trained(folder, config=SMALL, shape=GREY, num_classes=2, seed=7, **fields):
    """Write a network as a training does; its statistics have moved."""
    network = build(config, shape, num_classes, seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.fill_(0.3)
    values = {
        "model": config,
        "classes": names(num_classes),
        "shape": shape,
        "preprocessing": ImagePreprocessing(mean=(0.25,) * shape[0], std=(0.5,) * shape[0]),
        "samples_hash": "other samples",
        "folds_hash": "folds",
    }
    card = make_card(**{**values, **fields})
    write_model(folder, card, lambda path: save_file(network.state_dict(), path))
    return network.state_dict()


def transfer(network, config, weights, model=SMALL, shape=GREY, num_classes=3):
    return prepare_transfer(
        network, config, weights, model=model, shape=shape, classes=names(num_classes)
    )


def same(one, other, names):
    return all(torch.equal(one[name], other[name]) for name in names)


@pytest.fixture
def trained(tmp_path):
    """A folder of one fold, and the tensors in it."""
    folder = tmp_path / "cnn" / "fold_0"
    return folder, write_trained(folder)


# What is trained


@pytest.mark.parametrize(
    ("model", "shape", "config", "trainable"),
    [
        # 11,176,512 of the body and 512 * 5 + 5 of the head; layer4 has 8,393,728
        (ResNet18Config(), (3, 224, 224), HeadTransfer(weights="w"), 2_565),
        (
            ResNet18Config(),
            (3, 224, 224),
            PartialTransfer(weights="w", unfreeze_from="layer4"),
            8_396_293,
        ),
        (ResNet18Config(), (3, 224, 224), FullTransfer(weights="w"), 11_179_077),
        # 9 * 32 + 64, 9 * 32 * 64 + 128, 9 * 64 * 128 + 256 and 128 * 5 + 5
        (SmallCnnConfig(), (1, 28, 28), HeadTransfer(weights="w"), 645),
        (
            SmallCnnConfig(),
            (1, 28, 28),
            PartialTransfer(weights="w", unfreeze_from="features.8"),
            74_629,
        ),
        (SmallCnnConfig(), (1, 28, 28), FullTransfer(weights="w"), 93_541),
        # 132,863,336 for 1000 classes, of which 4096 * 1000 + 1000 in the last layer
        (VggConfig(), (3, 224, 224), HeadTransfer(weights="w"), 20_485),
        (
            VggConfig(),
            (3, 224, 224),
            PartialTransfer(weights="w", unfreeze_from="classifier"),
            119_566_341,  # 25,089 * 4096 and 4097 * 4096 more
        ),
        (VggConfig(), (3, 224, 224), FullTransfer(weights="w"), 128_786_821),
    ],
)
def test_how_many_parameters_each_mode_trains(model, shape, config, trainable):
    with torch.device("meta"):
        network = build_cnn(model, shape, 5)

    freeze_body(network, config)

    assert sum(p.numel() for p in network.parameters() if p.requires_grad) == trainable


@pytest.mark.parametrize(
    ("config", "frozen"),
    [
        (HeadTransfer(weights="w"), ["features.0", "features.1", "features.4", "features.5"]),
        (
            PartialTransfer(weights="w", unfreeze_from="features.4"),
            ["features.0", "features.1"],
        ),
        (FullTransfer(weights="w"), []),
    ],
)
def test_the_body_is_taken_over_and_the_head_is_new(trained, config, frozen):
    folder, there = trained
    network = build()
    drawn = copy.deepcopy(network.state_dict())
    config = config.model_copy(update={"weights": str(folder)})

    told = transfer(network, config, find_weights(config, SMALL, FOLD))

    now = network.state_dict()
    head = {f"{head_name(network)}.weight", f"{head_name(network)}.bias"}
    assert same(now, there, set(now) - head)
    assert same(now, drawn, head)
    stays = [n for n, _ in network.named_parameters() if n.rpartition(".")[0] in frozen]
    assert list(told.frozen) == stays
    assert [n for n, p in network.named_parameters() if not p.requires_grad] == stays
    assert told.num_trainable == sum(p.numel() for p in network.parameters() if p.requires_grad)
    assert told.num_parameters == sum(p.numel() for p in network.parameters())
    assert told.preprocessing == ImagePreprocessing(mean=(0.25,), std=(0.5,))


@pytest.mark.parametrize("mode", ["partial", "full"])
def test_the_body_learns_at_its_own_rate_and_the_head_at_the_full_one(trained, mode):
    values = {"mode": mode, "weights": str(trained[0]), "body_rate": 0.02}
    values |= {"unfreeze_from": "features.4"} if mode == "partial" else {}
    config = TypeAdapter(TransferConfig).validate_python(values)
    network = build()

    factors = transfer(network, config, find_weights(config, SMALL, FOLD)).rate_factors

    body = {n for n, p in network.named_parameters() if p.requires_grad and "features" in n}
    assert factors == dict.fromkeys(body, 0.02)


@pytest.mark.parametrize("mode", ["head", "partial"])
def test_a_step_in_training_mode_moves_nothing_that_is_frozen(trained, mode):
    values = {"mode": mode, "weights": str(trained[0])}
    values |= {"unfreeze_from": "features.4"} if mode == "partial" else {}
    config = TypeAdapter(TransferConfig).validate_python(values)
    network = build()
    transfer(network, config, find_weights(config, SMALL, FOLD))
    before = copy.deepcopy(network.state_dict())

    network.eval()
    network.train()
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], 0.1)
    loss = functional.cross_entropy(network(torch.rand(4, *GREY) + 1), torch.tensor([0, 1, 2, 0]))
    loss.backward()
    optimizer.step()

    after = network.state_dict()
    moved = {
        name.rpartition(".")[0] for name in after if not torch.equal(after[name], before[name])
    }
    trained_part = {head_name(network)} | (
        {"features.4", "features.5"} if mode == "partial" else set()
    )
    assert moved == trained_part


def test_frozen_statistics_survive_a_copy_of_the_network(trained):
    config = HeadTransfer(weights=str(trained[0]))
    network = build()
    transfer(network, config, find_weights(config, SMALL, FOLD))

    copied = copy.deepcopy(network).train()
    copied(torch.rand(4, *GREY))

    assert same(copied.state_dict(), network.state_dict(), network.state_dict())
    assert copied.features[1].running_mean is not network.features[1].running_mean


def test_what_the_network_has_frozen_itself_stays_frozen(trained):
    config = FullTransfer(weights=str(trained[0]))
    network = build()
    network.features[0].weight.requires_grad_(False)

    told = transfer(network, config, find_weights(config, SMALL, FOLD))

    assert told.frozen == ("features.0.weight",)
    assert "features.0.weight" not in told.rate_factors


def test_without_transfer_nothing_changes():
    network = build()
    before = copy.deepcopy(network.state_dict())

    assert find_weights(NoTransfer(), SMALL, FOLD) is None
    told = transfer(network, NoTransfer(), None)

    assert same(network.state_dict(), before, before)
    count = sum(p.numel() for p in network.parameters())
    assert told == Transfer(num_trainable=count, num_parameters=count)


def test_a_kept_head_is_taken_over(tmp_path):
    there = write_trained(tmp_path / "fold_0", num_classes=3)
    config = HeadTransfer(weights=str(tmp_path), head="kept")
    network = build()

    transfer(network, config, find_weights(config, SMALL, FOLD))

    assert same(network.state_dict(), there, there)


@pytest.mark.parametrize("has_card", [True, False])
def test_a_kept_head_needs_the_same_classes_and_the_error_names_both(tmp_path, has_card):
    write_trained(tmp_path / "fold_0", num_classes=2)
    if not has_card:
        (tmp_path / "fold_0" / "model.json").unlink()
    path = tmp_path / "fold_0" / "weights.safetensors"
    config = FullTransfer(weights=str(path), head="kept")

    both = "'a', 'b' .2.*'a', 'b', 'c' .3" if has_card else "of 2 classes.* have 3"
    with pytest.raises(UserError, match=f"transfer.head is 'kept'.*{both}"):
        transfer(build(), config, find_weights(config, SMALL, FOLD))


# In a training


def trained_weights(models, fold):
    return load_file(models.folder(0, fold) / "weights.safetensors")


def test_a_training_moves_only_what_it_may_and_keeps_the_preprocessing(
    samples, folds, plan, recipe, tmp_path
):
    there = write_trained(tmp_path / "source" / "fold_0", config=recipe.model)
    transfer_config = HeadTransfer(weights=str(tmp_path / "source"))
    models = FoldModels(tmp_path / "cnn")

    cross_validate(samples, folds, plan, replace(recipe, transfer=transfer_config), models)

    for card in models.cards():
        now = trained_weights(models, card.fold)
        head = {name for name in now if name.startswith("classifier.")}
        assert same(now, there, set(now) - head)
        assert not any(torch.equal(now[name], there[name]) for name in head)
        assert card.preprocessing == ImagePreprocessing(mean=(0.25,), std=(0.5,))
        assert card.num_trainable == 8 * 2 + 2


def test_the_body_moves_less_at_a_lower_rate(samples, folds, plan, recipe, tmp_path):
    there = write_trained(tmp_path / "source" / "fold_0", config=recipe.model)
    moved = []
    for body_rate in (0.01, 1):
        transfer_config = FullTransfer(weights=str(tmp_path / "source"), body_rate=body_rate)
        models = FoldModels(tmp_path / f"cnn_{body_rate}")
        cross_validate(samples, folds, plan, replace(recipe, transfer=transfer_config), models)
        kernels = trained_weights(models, 0)["features.0.weight"]
        moved.append(float((kernels - there["features.0.weight"]).norm()))

    assert 0 < moved[0] < moved[1] / 10


def test_other_weights_train_again_and_the_same_elsewhere_do_not(
    samples, folds, plan, recipe, tmp_path
):
    def fingerprints(weights):
        config = FullTransfer(weights=str(weights))
        return [
            job.fingerprint
            for job in fold_jobs(samples, folds, plan, replace(recipe, transfer=config))
        ]

    for seed, name in enumerate(("first", "other")):
        write_trained(tmp_path / name / "fold_0", config=recipe.model, seed=seed)
    first = fingerprints(tmp_path / "first")

    assert fingerprints((tmp_path / "first").rename(tmp_path / "moved")) == first
    assert not set(fingerprints(tmp_path / "other")) & set(first)


def test_a_network_of_the_same_samples_is_used_in_its_own_fold_only(
    samples, folds, plan, recipe, tmp_path
):
    models = cross_validate(samples, folds, plan, recipe, FoldModels(tmp_path / "cnn"))

    def jobs(weights):
        config = FullTransfer(weights=str(weights))
        return fold_jobs(samples, folds, plan, replace(recipe, transfer=config))

    assert [job.pretrained.path.parent for job in jobs(models.root)] == [
        models.folder(0, 0),
        models.folder(0, 1),
    ]
    with pytest.raises(UserError, match="has seen samples that repeat 0, fold 1 holds out"):
        jobs(models.folder(0, 0))


# Other numbers of channels


def test_kernels_for_colours_see_a_grey_picture_as_they_saw_it_in_each_colour(tmp_path):
    there = build(shape=(3, 8, 8), seed=7)
    save_file(there.state_dict(), tmp_path / "w.safetensors")
    config = FullTransfer(weights=str(tmp_path / "w.safetensors"))
    network = build()

    transfer(network, config, find_weights(config, SMALL, FOLD))

    grey = torch.rand(2, *GREY)
    expected = there.features.eval()(grey.expand(-1, 3, -1, -1))
    torch.testing.assert_close(network.features.eval()(grey), expected)


def test_kernels_for_grey_see_a_colourless_picture_as_they_saw_it(tmp_path):
    there = build(seed=7)
    save_file(there.state_dict(), tmp_path / "w.safetensors")
    config = FullTransfer(weights=str(tmp_path / "w.safetensors"))
    network = build(shape=(3, 8, 8))

    transfer(network, config, find_weights(config, SMALL, FOLD), shape=(3, 8, 8))

    grey = torch.rand(2, *GREY)
    expected = there.features.eval()(grey)
    torch.testing.assert_close(network.features.eval()(grey.expand(-1, 3, -1, -1)), expected)


def test_the_statistics_of_the_colours_are_averaged_for_grey(tmp_path):
    statistics = ImagePreprocessing(mean=(0.2, 0.4, 0.6), std=(0.1, 0.2, 0.3))
    write_trained(tmp_path / "fold_0", shape=(3, 8, 8), preprocessing=statistics)
    config = FullTransfer(weights=str(tmp_path))

    told = transfer(build(), config, find_weights(config, SMALL, FOLD))

    assert told.preprocessing.mean == pytest.approx((0.4,))
    assert told.preprocessing.std == pytest.approx((0.2,))


def test_other_numbers_of_channels_are_an_error_that_names_both(tmp_path):
    write_trained(tmp_path / "fold_0", shape=(4, 8, 8))
    config = FullTransfer(weights=str(tmp_path))

    with pytest.raises(UserError, match=r"features.0.weight is \(4, 4, 3, 3\) there, \(4, 3, 3"):
        transfer(
            build(shape=(3, 8, 8)), config, find_weights(config, SMALL, FOLD), shape=(3, 8, 8)
        )


# Where the weights come from


def test_of_a_family_the_network_of_the_same_fold_is_taken_else_that_of_fold_0(tmp_path):
    models = FoldModels(tmp_path)
    for fold in range(2):
        write_trained(models.folder(0, fold), fold=fold, seed=fold)
    config = FullTransfer(weights=str(tmp_path))

    def found(repeat, fold):
        return find_weights(config, SMALL, FoldKey("samples", "folds", repeat, fold)).path.parent

    assert found(0, 1) == models.folder(0, 1)
    assert found(0, 4) == found(2, 0) == models.folder(0, 0)


def test_weights_are_known_by_their_content(trained, tmp_path):
    config = FullTransfer(weights=str(trained[0]))
    moved = trained[0].rename(tmp_path / "elsewhere")
    again = FullTransfer(weights=str(moved))

    weights = find_weights(again, SMALL, FOLD)

    assert weights.sha256 == sha256_file(moved / "weights.safetensors")
    assert transfer_fingerprint(again, weights) == transfer_fingerprint(config, weights)
    other = PretrainedWeights(weights.path, "0" * 64, weights.preprocessing)
    assert transfer_fingerprint(again, other) != transfer_fingerprint(again, weights)
    slower = again.model_copy(update={"body_rate": 0.01})
    assert transfer_fingerprint(slower, weights) != transfer_fingerprint(again, weights)


@pytest.mark.parametrize(
    ("seen", "is_allowed"),
    [
        ({"samples_hash": "samples", "folds_hash": "folds", "fold": 1}, True),
        ({"samples_hash": "samples", "folds_hash": "folds", "fold": 0}, False),
        ({"samples_hash": "samples", "folds_hash": "others", "fold": 1}, False),
        ({"samples_hash": "samples", "folds_hash": "folds", "fold": 1, "repeat": 1}, False),
        ({"samples_hash": "others", "folds_hash": "others", "fold": 0}, True),
    ],
)
def test_weights_that_have_seen_what_the_fold_holds_out_are_refused(tmp_path, seen, is_allowed):
    write_trained(tmp_path / "fold_1", **seen)
    config = FullTransfer(weights=str(tmp_path / "fold_1"))

    if is_allowed:
        assert find_weights(config, SMALL, FOLD).card.fold == seen["fold"]
        return
    with pytest.raises(UserError, match="has seen samples that repeat 0, fold 1 holds out"):
        find_weights(config, SMALL, FOLD)


@pytest.mark.parametrize(
    ("first", "is_allowed"),
    [
        (FoldKey("samples", "folds", 0, 1), True),
        (FoldKey("samples", "folds", 0, 0), False),
        (FoldKey("samples", "others", 0, 1), False),
        (FoldKey("third samples", "folds", 0, 0), True),
    ],
)
def test_what_the_weights_started_from_has_not_seen_it_either(tmp_path, first, is_allowed):
    write_trained(tmp_path / "fold_0", samples_hash="others", started_from=(first,))
    config = FullTransfer(weights=str(tmp_path / "fold_0"))

    if is_allowed:
        assert find_weights(config, SMALL, FOLD).seen == (first, FoldKey("others", "folds", 0, 0))
        return
    with pytest.raises(UserError, match="started from one that was fitted on these very samples"):
        find_weights(config, SMALL, FOLD)


def test_a_card_tells_all_that_its_weights_have_seen(samples, folds, plan, recipe, tmp_path):
    first = FoldKey("first", "folds", 0, 0)
    write_trained(tmp_path / "there", config=recipe.model, started_from=(first,))
    start = replace(recipe, transfer=HeadTransfer(weights=str(tmp_path / "there")))
    models = cross_validate(samples, folds, plan, start, FoldModels(tmp_path / "cnn"))

    for card in models.cards():
        own = FoldKey(samples.content_hash, folds.content_hash, card.repeat, card.fold)
        assert card.seen == (first, FoldKey("other samples", "folds", 0, 0), own)


@pytest.mark.parametrize("name", ["cnn", "cnn/fold_0", "cnn/fold_0/weights.safetensors"])
def test_a_training_does_not_replace_what_it_starts_from(
    samples, folds, plan, recipe, tmp_path, name
):
    models = FoldModels(tmp_path / "cnn")
    write_trained(models.folder(0, 0), config=recipe.model)
    write_trained(models.folder(0, 7), config=recipe.model, fold=7)
    start = replace(recipe, transfer=HeadTransfer(weights=str(tmp_path / name)))

    with pytest.raises(UserError, match="would replace what it starts from"):
        cross_validate(samples, folds, plan, start, models)
    assert [card.fold for card in models.cards()] == [0, 7]


@pytest.mark.parametrize("prefix", ["mlflow:", ""])
def test_a_run_is_looked_up_by_its_id(trained, prefix):
    asked = []

    def find_run(run_id):
        asked.append(run_id)
        return trained[0]

    config = FullTransfer(weights=prefix + "0a" * 16)

    assert find_weights(config, SMALL, FOLD, find_run).path.parent == trained[0]
    assert asked == ["0a" * 16]
    with pytest.raises(UserError, match=r"MLflow run 0a0a.*cannot be looked up here"):
        find_weights(config, SMALL, FOLD)


@pytest.mark.parametrize("suffix", ["safetensors", "pth", "pt"])
@pytest.mark.parametrize("nested", [None, "state_dict", "model"])
def test_files_of_other_programs_are_read(tmp_path, suffix, nested):
    state = build(seed=7).state_dict()
    path = tmp_path / f"weights.{suffix}"
    if suffix == "safetensors":
        save_file(state, path)
    else:
        parallel = {f"module.{name}": tensor for name, tensor in state.items()}
        torch.save({nested: parallel, "epoch": 3} if nested else parallel, path)

    read = read_weights(path)

    assert read.keys() == state.keys()
    assert same(read, state, state)
    assert find_weights(FullTransfer(weights=str(path)), SMALL, FOLD).preprocessing is None


def test_older_files_without_counters_of_batches_fit(tmp_path):
    state = {n: t for n, t in build(seed=7).state_dict().items() if "num_batches" not in n}
    torch.save(state, tmp_path / "old.pth")
    config = FullTransfer(weights=str(tmp_path / "old.pth"))
    network = build()

    transfer(network, config, find_weights(config, SMALL, FOLD))

    assert torch.equal(network.state_dict()["features.4.weight"], state["features.4.weight"])


# Bad input


class Evil:
    def __reduce__(self):
        return (print, ("this code must not run",))


def test_a_file_with_code_is_refused_and_not_run(tmp_path, capsys):
    path = tmp_path / "evil.pth"
    torch.save({"state_dict": Evil()}, path)

    with pytest.raises(UserError, match=r"evil.pth is damaged, or holds more than weights"):
        read_weights(path)
    path.write_bytes(pickle.dumps(Evil(), protocol=2))
    with pytest.raises(UserError, match=r"evil.pth"):
        read_weights(path)
    assert capsys.readouterr().out == ""


def truncated(name, size):
    buffer = io.BytesIO()
    torch.save(build().state_dict(), buffer)
    return name, buffer.getvalue()[:size]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        truncated("half.pth", 2000),
        truncated("empty.pth", 0),
        ("text.pt", b"no weights at all"),
        ("text.safetensors", b"no weights at all, and of some length"),
        ("empty.safetensors", b""),
    ],
)
def test_a_damaged_file_is_an_error_that_names_it(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)

    with pytest.raises(UserError, match=f"{name} is damaged"):
        read_weights(tmp_path / name)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({}, "nothing in it"),
        ([1], "a list"),
        ({"epoch": 3, "lr": 1}, "dictionary with epoch, lr"),
        ({"model": {"name": "x"}}, "dictionary with name"),
    ],
)
def test_a_file_without_weights_is_an_error_that_tells_what_is_in_it(tmp_path, value, found):
    torch.save(value, tmp_path / "w.pth")

    with pytest.raises(UserError, match=f"w.pth does not hold weights.*{found}"):
        read_weights(tmp_path / "w.pth")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere.pth", r"no such file or folder.*\.safetensors, \.pth, \.pt file.*mlflow:<run"),
        ("notes.txt", r"type '\.txt'.*\.safetensors, \.pth, \.pt"),
        ("folder", "no model.json in it, nor a folder fold_1 or fold_0"),
    ],
)
def test_a_place_without_weights_is_an_error(tmp_path, name, message):
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "folder").mkdir()
    config = FullTransfer(weights=str(tmp_path / name))

    with pytest.raises(UserError, match=f"transfer.weights.*{name}.*{message}"):
        find_weights(config, SMALL, FOLD)


def test_a_damaged_network_of_foldwise_is_an_error(trained):
    path = trained[0] / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)

    with pytest.raises(UserError, match=r"weights.safetensors is damaged"):
        find_weights(FullTransfer(weights=str(trained[0])), SMALL, FOLD)


@pytest.mark.parametrize("weights", ["mlflow:", "mlflow:12", "mlflow:" + "G" * 32])
def test_a_wrong_run_id_is_an_error(weights):
    with pytest.raises(UserError, match="32 digits"):
        find_weights(FullTransfer(weights=weights), SMALL, FOLD, lambda run_id: None)


def test_weights_of_another_network_are_an_error_that_names_both(tmp_path):
    write_trained(tmp_path / "fold_0", config=LeNet5Config())
    config = FullTransfer(weights=str(tmp_path))

    with pytest.raises(UserError, match=r"network 'lenet5', but model.name is 'small_cnn'"):
        transfer(build(), config, find_weights(config, SMALL, FOLD))


def test_the_same_network_of_another_width_is_an_error_that_names_both_widths(tmp_path):
    write_trained(tmp_path / "fold_0", config=SmallCnnConfig(widths=(4, 6)))
    config = FullTransfer(weights=str(tmp_path))
    message = (
        r"is \(6, 4, 3, 3\) there, \(8, 4, 3, 3\) here.*model.widths was \(4, 6\) and is \(4, 8"
    )

    with pytest.raises(UserError, match=message):
        transfer(build(), config, find_weights(config, SMALL, FOLD))


def test_a_file_of_another_architecture_is_an_error_that_names_what_differs(tmp_path):
    save_file(build(LeNet5Config()).state_dict(), tmp_path / "lenet.safetensors")
    config = HeadTransfer(weights=str(tmp_path / "lenet.safetensors"))
    message = "lenet.safetensors do not fit the network 'small_cnn'.*missing.*features.1.weight"

    with pytest.raises(UserError, match=message):
        transfer(build(), config, find_weights(config, SMALL, FOLD))


def test_an_unknown_stage_is_an_error_that_lists_them(trained):
    config = PartialTransfer(weights=str(trained[0]), unfreeze_from="layer4")

    told = "unfreeze_from is 'layer4', but .*'layer4'.*features.0, .*features.5, classifier"
    with pytest.raises(UserError, match=told):
        transfer(build(), config, find_weights(config, SMALL, FOLD))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"mode": "heads"},
            r"transfer.mode is 'heads'. Did you mean 'head'\? Allowed: none, head",
        ),
        ({"mode": "none", "weights": "w.pth"}, "'weights' .only with head, partial, full"),
        ({"mode": "head"}, "transfer.weights is missing"),
        ({"mode": "head", "weights": ""}, "transfer.weights is ''"),
        (
            {"mode": "head", "weights": "w", "unfreeze_from": "a"},
            "mode 'head' does not take 'unfreeze_from' .only with partial",
        ),
        (
            {"mode": "head", "weights": "w", "body_rate": 0.1},
            "'body_rate' .only with partial, full",
        ),
        ({"mode": "partial", "weights": "w"}, "transfer.unfreeze_from is missing"),
        ({"mode": "full", "weights": "w", "body_rate": 0}, "body_rate is 0, but .*greater than 0"),
        ({"mode": "full", "weights": "w", "body_rate": 2}, "body_rate is 2, but .*less than or"),
        ({"mode": "full", "weights": "w", "rate": 2}, "unknown parameter 'rate'"),
        ({"mode": "full", "weights": "w", "head": "old"}, "head is 'old'.*Allowed: new, kept"),
    ],
)
def test_choices_that_make_no_sense_are_refused(given, message):
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(TransferConfig).validate_python(given)

    lines = explain(refused.value, "transfer", given)
    assert len(lines) == 1
    assert lines[0].startswith("transfer")
    with pytest.raises(ValueError, match=message):
        raise ValueError(lines[0])


# torchvision


class Entry:
    """Weights as torchvision's enum lists them."""

    name = "IMAGENET1K_V1"

    def __init__(self, url):
        self.url = url

    def transforms(self):
        from types import SimpleNamespace

        return SimpleNamespace(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    return tmp_path / "hub" / "checkpoints"


def test_weights_in_torch_hubs_cache_are_used_without_a_network(hub, monkeypatch):
    hub.mkdir(parents=True)
    there = build(shape=(3, 8, 8), num_classes=1000, seed=7)
    torch.save(there.state_dict(), hub / "new.pth")
    name = f"resnet18-{sha256_file(hub / 'new.pth')[:8]}.pth"
    (hub / "new.pth").rename(hub / name)
    monkeypatch.setattr(torchvision_source, "_entry", lambda *asked: Entry(f"https://x/{name}"))
    config = HeadTransfer(weights="torchvision")
    network = build(shape=(3, 8, 8))

    told = transfer(network, config, find_weights(config, SMALL, FOLD), shape=(3, 8, 8))

    assert torch.equal(network.features[4].weight, there.features[4].weight)
    assert told.preprocessing.mean == (0.485, 0.456, 0.406)
    assert told.num_trainable == 8 * 3 + 3
    (hub / name).write_bytes(b"damaged")
    with pytest.raises(UserError, match=f"{name} is damaged: its SHA-256"):
        find_weights(config, SMALL, FOLD)


def test_without_a_network_the_error_tells_what_to_do(hub, monkeypatch):
    def no_network(request, timeout):
        assert timeout < 60
        raise urllib.error.URLError("no route")

    monkeypatch.setattr(torchvision_source, "_entry", lambda *asked: Entry("https://x/r-0.pth"))
    monkeypatch.setattr(torchvision_source.urllib.request, "urlopen", no_network)

    with pytest.raises(UserError, match=r"resnet18.*not in .*checkpoints.*no route.*Connect"):
        find_weights(HeadTransfer(weights="torchvision"), ResNet18Config(), FOLD)
    assert not hub.exists() or not list(hub.iterdir())


def test_torchvision_has_no_weights_for_networks_of_our_own():
    with pytest.raises(UserError, match=r"no weights for model.name 'small_cnn'.*resnet18"):
        find_weights(HeadTransfer(weights="torchvision"), SMALL, FOLD)


@pytest.mark.slow
def test_the_names_of_torchvisions_weights_are_its_own():
    message = "IMAGENET1K_V9.*'resnet18' torchvision has: IMAGENET1K_V1, DEFAULT"
    with pytest.raises(UserError, match=message):
        find_weights(HeadTransfer(weights="torchvision:IMAGENET1K_V9"), ResNet18Config(), FOLD)
    for name in torchvision_source._NAMES:
        for has_batch_norm in (False, True) if name.startswith("vgg") else (False,):
            entry = torchvision_source._entry(name, has_batch_norm, "DEFAULT")
            assert entry.url.endswith(".pth")
            assert len(entry.transforms().mean) == 3
