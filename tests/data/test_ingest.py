"""Ingest as a whole: what every source must come to, and the real data."""

import os
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.datasets import load_digits

from foldwise.data.ingest import IngestConfig, ingest
from foldwise.data.samples import TABLE_COLUMNS, array_hash, read_samples, write_samples

DATA = Path(os.environ.get("FOLDWISE_DATA", "../shared/data"))


def needs(name):
    return pytest.mark.skipif(
        not (DATA / name).exists(),
        reason=f"{DATA / name} is missing; FOLDWISE_DATA names its folder",
    )


def ingest_from(kind, **parameters):
    return ingest(IngestConfig.of(source={"kind": kind, **parameters}))


def test_digits_are_those_of_scikit_learn():
    samples = ingest(IngestConfig()).samples
    digits = load_digits()
    assert samples.x.shape == (1797, 1, 8, 8)
    assert samples.classes == tuple("0123456789")
    np.testing.assert_array_equal(samples.y, digits.target)
    np.testing.assert_allclose(samples.x[:, 0] / 255 * 16, digits.images, atol=0.04)
    assert samples.x.min() == 0
    assert samples.x.max() == 255


def test_digits_can_be_enlarged():
    samples = ingest_from("digits", image_size=28).samples
    assert samples.x.shape == (1797, 1, 28, 28)
    assert samples.size_policy == "resize"


def test_the_table_has_all_columns_and_survives_the_disk(tmp_path):
    ingested = ingest(IngestConfig())
    table = ingested.samples.table
    assert tuple(table.columns) == TABLE_COLUMNS
    assert table[["group", "official_split"]].isna().all(axis=None)
    assert table["sample_id"].is_unique
    assert set(table["source"]) == {"digits"}
    assert table["sha256"].tolist() == [array_hash(sample) for sample in ingested.samples.x]
    assert list(ingested.skipped_files.columns) == ["path", "reason"]
    assert len(ingested.skipped_files) == 0
    write_samples(tmp_path / "samples", ingested.samples)
    assert read_samples(tmp_path / "samples").table.equals(table)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"source": {"kind": "imagefolder"}}, "'digits', 'image_folder', 'npz'"),
        (
            {"source": {"kind": "digits", "path": "x"}},
            "unknown parameter 'path'.*image_size, kind",
        ),
        ({"source": {"kind": "image_folder"}}, r"source.image_folder.path"),
        ({"source": {"kind": "npz", "path": "x", "layout": "HWC"}}, "'auto', 'NHWC' or 'NCHW'"),
        ({"on_bad_file": "ignore"}, "'error' or 'skip'"),
        ({"on_bad_fil": "skip"}, "did you mean 'on_bad_file'"),
    ],
)
def test_wrong_parameters_are_refused_with_what_is_allowed(values, message):
    with pytest.raises(ValidationError, match=message):
        IngestConfig.of(**values)


@pytest.mark.real_data
@needs("magnetic_tile/images")
@pytest.mark.parametrize("policy", ["resize", "center_crop", "pad"])
def test_magnetic_tiles(policy):
    samples = ingest_from(
        "image_folder", path=DATA / "magnetic_tile" / "images", size_policy=policy
    ).samples
    assert samples.x.shape == (1344, 1, 64, 64)
    assert samples.table["label"].value_counts().to_dict() == {
        "free": 952,
        "blowhole": 115,
        "uneven": 103,
        "break": 85,
        "crack": 57,
        "fray": 32,
    }
    assert samples.table[["meta_height", "meta_width"]].max(axis=1).unique().tolist() == [128]
    assert samples.x.std(axis=(1, 2, 3)).min() > 0


@pytest.mark.real_data
@needs("blood_cell_crops.npz")
def test_blood_cells():
    path = DATA / "blood_cell_crops.npz"
    samples = ingest_from("npz", path=path).samples
    assert samples.x.shape == (4886, 3, 32, 32)
    assert samples.table["label"].value_counts().to_dict() == {
        "RBC": 4153,
        "WBC": 372,
        "Platelets": 361,
    }
    assert samples.table["group"].nunique() == 364
    with np.load(path, allow_pickle=False) as stored:
        np.testing.assert_array_equal(np.moveaxis(samples.x, 1, -1), stored["x"])
        assert [samples.classes[i] for i in samples.y] == stored["classes"][stored["y"]].tolist()
