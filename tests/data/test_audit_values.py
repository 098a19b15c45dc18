import numpy as np
import pandas as pd
import pytest
from audited import findings, found, noise_images, samples_of, table_of

from foldwise.data.samples import Feature, Samples

SIZE = 300
GENERATOR = np.random.default_rng(0)
NORMAL = GENERATOR.normal(size=(4, SIZE))
LABELS = ["a", "b", "c"] * (SIZE // 3)
CODES = np.arange(SIZE) % 3


def table(**columns):
    return table_of({"one": NORMAL[0], "two": NORMAL[1], **columns}, LABELS)


def test_independent_normal_features_give_no_finding():
    assert findings(table()) == ()


def test_constant_and_empty_features_are_found():
    (finding,) = found(
        "constant_features", table(same=np.full(SIZE, 2.0), empty=np.full(SIZE, np.nan))
    )
    assert finding.values == {"count": 2, "features": "same, empty"}


def test_a_feature_that_is_another_up_to_scale_is_found():
    (finding,) = found("duplicate_features", table(scaled=5 - 3 * NORMAL[0]))
    assert finding.values == {"count": 1, "features": "one = scaled"}


@pytest.mark.parametrize("noise", [0.01, 0.3])
def test_strongly_correlated_features_are_no_duplicates(noise):
    near = NORMAL[0] + noise * NORMAL[2]
    assert found("duplicate_features", table(near=near)) == []


def test_features_missing_in_other_rows_are_no_duplicates():
    other = np.where(np.arange(SIZE) % 10 == 0, np.nan, NORMAL[0])
    assert found("duplicate_features", table(other=other)) == []


def test_outliers_are_counted_and_named_farthest_first():
    far = NORMAL[2].copy()
    far[[7, 9]] = 40, -90
    (finding,) = found("outliers", table(far=far))
    assert finding.values == {"far": 2}
    assert finding.sample_ids == (("s9",), ("s7",))
    assert found("outliers", table(far=far), outlier_z=200) == []


def test_a_skewed_feature_has_no_outliers():
    assert found("outliers", table(skewed=np.exp(0.7 * NORMAL[2]))) == []


@pytest.mark.parametrize(
    "leak",
    [CODES * 2.0, -CODES + 0.1 * NORMAL[2], (CODES + 1) % 3, np.where(CODES == 0, np.nan, CODES)],
)
def test_a_feature_that_alone_tells_the_class_is_found(leak):
    (finding,) = found("target_leak", table(leak=leak))
    assert list(finding.values) == ["leak"]
    assert finding.values["leak"] >= 0.98


def test_a_feature_that_tells_much_is_no_leak_but_the_bar_can_be_lowered():
    samples = table(good=CODES + 0.3 * NORMAL[2])
    assert found("target_leak", samples) == []
    assert len(found("target_leak", samples, leak_score=0.8)) == 1


def test_a_feature_that_is_the_number_to_be_predicted_is_found():
    target = NORMAL[2]
    columns = {"one": NORMAL[0], "leak": 7 - 3 * target, "good": target + NORMAL[1]}
    (finding,) = found("target_leak", table_of(columns, target=target))
    assert list(finding.values) == ["leak"]


def test_a_leak_is_found_among_many_features():
    x = np.random.default_rng(1).normal(size=(SIZE, 210)).astype(np.float32)
    x[:, 7] = np.nan
    x[:, 132] = np.where(CODES == 2, np.nan, -CODES)
    (finding,) = found("target_leak", samples_of(x, LABELS, modality="table"))
    assert finding.values == {"f132": 1.0}
    target = np.exp(NORMAL[2])
    x[:, 132] = 3 - NORMAL[2]
    (finding,) = found("target_leak", samples_of(x, target=target, modality="table"))
    assert list(finding.values) == ["f132"]


@pytest.mark.parametrize("labels", [np.arange(SIZE) // 3, [0] * (SIZE - 1) + [1]])
def test_classes_too_rare_for_folds_leak_nothing(labels):
    x = np.tile(np.arange(SIZE, dtype=np.float32)[:, None], 210)
    assert found("target_leak", samples_of(x, labels, modality="table")) == []


def test_what_only_tells_a_group_is_no_leak():
    """Rows of one patient are alike in age and label: a tree could know the patient by it."""
    generator = np.random.default_rng(0)
    patient = np.repeat(np.arange(60), 10)
    columns = {"age": generator.normal(size=60)[patient], "noise": generator.normal(size=600)}
    labels = generator.integers(0, 2, 60)[patient]
    samples = table_of(columns, labels)
    assert len(found("target_leak", samples)) == 1
    samples.table["group"] = [f"p{i}" for i in patient]
    assert found("target_leak", samples) == []
    number = table_of(columns, target=generator.normal(size=60)[patient])
    number.table["group"] = samples.table["group"]
    assert found("target_leak", number) == []


def test_blank_images_are_found():
    images = noise_images(40, shape=(3, 8, 8))
    images[4] = np.array([10, 200, 30], np.uint8)[:, None, None]
    images[5] = 0
    (finding,) = found("blank_images", samples_of(images, ["a", "b"] * 20))
    assert finding.sample_ids == (("s4",), ("s5",))


def test_a_burnt_out_image_among_others_is_found():
    images = noise_images(40)
    images[3, :, :, 1:] = 255
    images[3, :, :7] = 255
    (finding,) = found("saturated_images", samples_of(images, ["a", "b"] * 20))
    assert finding.sample_ids == (("s3",),)


def test_drawings_are_not_burnt_out():
    drawings = np.zeros((40, 1, 8, 8), np.uint8)
    drawings[:, 0, 3, 3] = np.arange(40)
    drawings[:, 0, 3, 4] = 255
    assert found("saturated_images", samples_of(drawings, ["a", "b"] * 20)) == []


def test_images_are_looked_at_in_chunks(monkeypatch):
    monkeypatch.setattr("foldwise.data.audit.check._CHUNK_BYTES", 200)
    images = noise_images(40)
    images[[0, 17, 39]] = 5
    (finding,) = found("blank_images", samples_of(images, ["a", "b"] * 20))
    assert finding.sample_ids == (("s0",), ("s17",), ("s39",))


@pytest.mark.slow
def test_a_million_rows_are_audited():
    size = 1_000_000
    generator = np.random.default_rng(0)
    x = generator.normal(size=(size, 20)).astype(np.float32)
    x[generator.random(size) < 0.1, 3] = np.nan
    frame = pd.DataFrame(
        {
            "sample_id": [f"row {i}" for i in range(size)],
            "label": np.where(x[:, 0] > 0.5, "a", "b"),
            "sha256": [str(i) for i in range(size)],
            "source": "table",
        }
    )
    frame[["group", "official_split"]] = pd.NA
    features = tuple(Feature(name=f"f{i}") for i in range(20))
    samples = Samples(x, frame, ("a", "b"), modality="table", features=features)
    # All but the searches for near duplicates and shortcuts, which have tests of their own.
    off = dict.fromkeys(["visible_shortcut", "collection_shortcut", "row_order"], "off")
    told = findings(samples, severity=off, duplicates={"near": False})
    assert {finding.check for finding in told} == {"target_leak", "missing_values"}
