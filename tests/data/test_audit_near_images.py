"""Pictures that are nearly the same are found, look-alikes are not."""

import io
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageEnhance
from pydantic import ValidationError

from foldwise.data.audit.near_images import (
    SIDE,
    NearImagesConfig,
    describe_images,
    explained_shares,
    find_near_images,
)
from foldwise.data.audit.near_pairs import joined_sets, nearest_neighbours

DATA = Path(os.environ.get("FOLDWISE_DATA", "../shared/data"))
SIZE, NUM_SCENES = 64, 60


def scenes(num, seed=0, size=SIZE):
    """Different pictures with detail of several sizes, of which none is like another."""
    generator = np.random.default_rng(seed)
    layers = [
        np.stack(
            [
                np.asarray(Image.fromarray(noise).resize((size, size), Image.Resampling.BICUBIC))
                for noise in generator.normal(size=(num, cells, cells)).astype(np.float32)
            ]
        )
        for cells in (4, 9, 20)
    ]
    return np.clip(128 + 30 * sum(layers), 0, 255).astype(np.uint8)[:, None]


def changed(picture, change):
    return np.asarray(change(Image.fromarray(picture[0])).convert("L"))[None]


def resaved(image):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=60)
    return Image.open(file)


CHANGES = {
    "jpeg": resaved,
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.4),
    "less contrast": lambda image: ImageEnhance.Contrast(image).enhance(0.5),
    "smaller": lambda image: image.resize((40, 40)).resize((SIZE, SIZE)),
    "cropped": lambda image: image.crop((1, 2, 63, 62)).resize((SIZE, SIZE)),
    "turned": lambda image: image.rotate(1.5, Image.Resampling.BILINEAR),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changed_copies_are_found_and_nothing_else(name):
    pictures = scenes(NUM_SCENES)
    copies = [changed(picture, CHANGES[name]) for picture in pictures[:10]]
    found = find_near_images(np.concatenate([pictures, np.stack(copies)]), NearImagesConfig())
    assert found.pairs.tolist() == [[i, NUM_SCENES + i] for i in range(10)]
    assert (found.similarity >= NearImagesConfig().similarity).all()


def test_a_mirrored_picture_is_another_one():
    pictures = scenes(NUM_SCENES)
    mirrored = pictures[:10, :, :, ::-1]
    assert len(find_near_images(np.concatenate([pictures, mirrored]), NearImagesConfig())) == 0


def test_look_alikes_are_not_near_until_they_are_asked_for():
    generator = np.random.default_rng(1)
    template = scenes(1)[0].astype(np.float64)
    noise = generator.normal(scale=6, size=(80, 1, SIZE, SIZE))
    pictures = np.clip(template + noise, 0, 255).astype(np.uint8)
    assert len(find_near_images(pictures, NearImagesConfig())) == 0
    assert len(find_near_images(pictures, NearImagesConfig(distinctness=1))) > 80


def test_blank_pictures_are_near_nothing():
    levels = np.arange(100, dtype=np.uint8)[:, None, None, None]
    blank = np.broadcast_to(levels, (100, 3, 20, 20))
    noisy = blank + np.random.default_rng(0).integers(0, 2, blank.shape, dtype=np.uint8)
    assert len(find_near_images(np.concatenate([blank, noisy]), NearImagesConfig())) == 0


def test_a_thousand_copies_make_one_set_by_as_many_pairs():
    copies = np.repeat(scenes(1), 1000, axis=0)
    copies[:, 0, 0, 0] = np.arange(1000) // 4  # one pixel, out of sight
    others = scenes(50, seed=3)
    found = find_near_images(np.concatenate([copies, others]), NearImagesConfig())
    sets = joined_sets(found.pairs, 1050)
    assert (sets[:1000] == 0).all()
    assert (sets[1000:] == -1).all()
    assert len(found) < 3 * 1000


@pytest.mark.parametrize("num_copies", [13, 30, 60])
def test_many_noisy_copies_of_each_are_found_and_kept_apart(num_copies):
    generator = np.random.default_rng(0)
    originals = np.repeat(scenes(12), num_copies, axis=0)
    brightness = generator.uniform(0.8, 1.2, size=(len(originals), 1, 1, 1))
    noisy = brightness * originals + 12 * generator.normal(size=originals.shape)
    found = find_near_images(np.clip(noisy, 0, 255).astype(np.uint8), NearImagesConfig())
    sets = joined_sets(found.pairs, len(originals))
    assert sets.tolist() == np.repeat(np.arange(12), num_copies).tolist()


def test_only_the_rows_asked_for_are_compared_and_named():
    pictures = scenes(NUM_SCENES)
    x = np.concatenate([pictures, changed(pictures[5], resaved)[None], pictures[7:8]])
    rows = np.delete(np.arange(len(x)), [2, len(x) - 1])
    assert find_near_images(x, NearImagesConfig(), rows).pairs.tolist() == [[5, NUM_SCENES]]


@pytest.mark.parametrize("num", [0, 1, 2])
def test_a_few_pictures_are_no_trouble(num):
    assert len(find_near_images(scenes(3)[:num], NearImagesConfig())) == 0


def test_shares_are_those_of_least_squares():
    thumbnails = describe_images(scenes(6), np.arange(6))[0]
    rows, others = np.array([0, 3]), np.array([[1, 0], [2, -1]])
    shares = explained_shares(thumbnails, rows, others)
    for (i, k), other in np.ndenumerate(others):
        if other >= 0:
            expected = r_squared(thumbnails[rows[i]], thumbnails[other])
            assert shares[i, k] == pytest.approx(expected, abs=2e-3)
    assert shares[0, 1] == pytest.approx(1, abs=1e-3)
    assert shares[1, 1] == 0


def r_squared(image, target):
    """Regress one thumbnail on another, its affine motions and a constant, without the rim."""
    inside = (slice(2, SIDE - 2),) * 2
    image = image.astype(float)
    y, x = np.meshgrid(*(np.linspace(-1, 1, SIDE),) * 2, indexing="ij")
    down, right = np.gradient(image)
    columns = [image, right, down, x * right, y * right, x * down, y * down, np.ones_like(image)]
    design = np.stack([column[inside].ravel() for column in columns], axis=1)
    target = target[inside].ravel().astype(float)
    rest = target - design @ np.linalg.lstsq(design, target, rcond=None)[0]
    return 1 - rest.var() / target.var()


def test_neighbours_among_many_are_found_as_well_as_among_few():
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(21_000, 8)).astype(np.float32)
    vectors[-500:] = vectors[:500] + 0.01 * generator.normal(size=(500, 8))
    nearest = nearest_neighbours(vectors, 3)[:, 0]
    assert (nearest[:500] == np.arange(20_500, 21_000)).mean() > 0.99
    assert (nearest != np.arange(21_000)).all()


def test_wrong_parameters_are_refused():
    with pytest.raises(ValidationError, match="less than 24"):
        NearImagesConfig(rank=40)


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.skipif(not (DATA / "magnetic_tile").exists(), reason="FOLDWISE_DATA has no tiles")
def test_tiles_at_six_exposures_are_found():
    groups = pd.read_csv(DATA / "magnetic_tile/groups.csv")
    images = (Image.open(DATA / "magnetic_tile" / path) for path in groups["image"])
    x = np.stack([np.asarray(image.convert("L").resize((64, 64)))[None] for image in images])
    pairs = find_near_images(x, NearImagesConfig()).pairs
    group = groups["group"].to_numpy()
    is_right = group[pairs[:, 0]] == group[pairs[:, 1]]
    sizes = np.bincount(group)
    assert is_right.mean() > 0.95
    assert is_right.sum() > 0.6 * (sizes * (sizes - 1) // 2).sum()
    assert len(np.unique(pairs)) > 0.95 * len(x)  # nearly every picture has a twin
    assert np.bincount(joined_sets(pairs, len(x)) + 1)[1:].max() < 20
