import hashlib

import numpy as np
import pytest
from audited import findings, found, noise_images, samples_of, table_of

from foldwise.data.audit.name_patterns import name_keys


def images(size=60, labels=None, **columns):
    return samples_of(noise_images(size), labels or ["a", "b"] * (size // 2), **columns)


def takes(num_things, num_takes, ids=None, **columns):
    """Make images of things, each taken several times; their names tell nothing."""
    generator = np.random.default_rng(0)
    things = generator.integers(60, 200, (num_things, 1, 1, 8, 8))
    exposures = generator.uniform(0.5, 1.2, (num_things, num_takes, 1, 1, 1))
    noise = generator.normal(0, 5, (num_things, num_takes, 1, 8, 8))
    x = np.clip(things * exposures + noise, 0, 255).astype(np.uint8).reshape(-1, 1, 8, 8)
    labels = np.repeat(["a", "b"] * (num_things // 2), num_takes)
    ids = ids or [hashlib.sha256(str(i).encode()).hexdigest() for i in range(len(x))]
    return samples_of(x, labels, ids=ids, **columns)


def test_groups_of_some_members_are_no_finding():
    assert findings(images(group=[f"g{i % 12}" for i in range(60)])) == ()


def test_a_group_that_is_nearly_an_id_is_found():
    group = [f"g{i}" for i in range(59)] + ["g0"]
    (finding,) = found("group_nearly_id", images(group=group))
    assert "98% of the 59 groups have one member" in finding.message
    assert found("group_nearly_id", images(group=[f"g{i // 2}" for i in range(60)])) == []


def test_one_group_that_holds_most_samples_is_found():
    group = ["unknown"] * 40 + [f"g{i % 6}" for i in range(20)]
    (finding,) = found("dominant_group", images(group=group))
    assert finding.values["group"] == "unknown"
    assert finding.values["share"] == pytest.approx(2 / 3)
    assert found("dominant_group", images(group=group), dominant_share=0.7) == []


def test_a_class_that_lives_in_one_group_is_found():
    labels = ["a"] * 30 + ["b"] * 20 + ["c"] * 10
    group = [f"g{i % 7}" for i in range(50)] + ["g0"] * 10
    (finding,) = found("class_in_few_groups", images(labels=labels, group=group))
    assert finding.values == {"c": 1}
    assert "1 of them cannot be validated at all" in finding.message


def test_groups_across_the_official_split_are_an_error():
    parts = ["train"] * 40 + ["test"] * 20
    mixed = [f"g{i % 20}" for i in range(60)]
    (finding,) = found("group_across_official_split", images(group=mixed, official_split=parts))
    assert finding.severity == "error"
    assert finding.values == {"count": 20, "num_samples": 60}
    assert finding.sample_ids[0] == ("s0", "s20", "s40")
    apart = [f"{part}{i % 10}" for i, part in enumerate(parts)]
    assert found("group_across_official_split", images(group=apart, official_split=parts)) == []


def test_a_users_column_whose_samples_look_alike_is_found():
    samples = takes(40, 4, meta_tray=np.repeat(np.arange(40), 4))
    (finding,) = found("undeclared_group", samples)
    assert finding.values["column"] == "meta_tray"
    assert finding.values["share_alike"] > 0.9
    tray = samples.table.set_index("sample_id")["meta_tray"]
    assert all(tray[one] == tray[other] for one, other in finding.sample_ids)


def test_what_the_declared_group_holds_together_is_no_finding():
    thing = [f"t{i // 4}" for i in range(160)]
    ids = [f"{i // 4:03d}_{i % 4}.png" for i in range(160)]
    samples = takes(40, 4, ids=ids, group=thing, meta_patient=thing)
    assert found("undeclared_group", samples) == []


def test_a_users_column_that_says_nothing_about_the_content_is_no_finding():
    values = np.random.default_rng(1).integers(0, 40, 160)
    assert found("undeclared_group", takes(40, 4, meta_day=values)) == []


def test_a_telling_name_is_told_as_such():
    values = np.random.default_rng(1).integers(0, 40, 160)
    (finding,) = found("undeclared_group", takes(40, 4, meta_patient_id=values))
    assert finding.severity == "warn"
    assert "ingest.source.group_column=patient_id" in finding.advice
    assert "named like a group and has 40 values for 160 samples" in finding.message


def test_measurements_are_no_candidates():
    samples = takes(40, 4, meta_session_length=np.repeat(np.arange(40) / 7, 4))
    assert found("undeclared_group", samples) == []


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("{thing:03d}_{take}.png", "the first number of the name, as in '000_0'"),
        ("take{take}_of_{thing}.png", "the last number of the name"),
        ("day{thing}/{take}.png", "the folder"),
        ("{take}/exp{take}_num_{frame}.png", "the last number of the name"),
        ("{frame:06d}.png", "the last number of the name"),
    ],
)
def test_file_names_that_tell_what_belongs_together_are_found(name, where):
    generator = np.random.default_rng(0)
    order = generator.permutation(40)
    ids = [
        name.format(thing=thing, take=take, frame=1000 * order[thing] + 17 * take)
        for thing in range(40)
        for take in range(4)
    ]
    (finding,) = found("undeclared_group", takes(40, 4, ids=ids))
    assert finding.message.lower().startswith(where)
    assert finding.values["share_alike"] > 0.7
    shuffled = [str(i) for i in generator.permutation(ids)]
    assert found("undeclared_group", takes(40, 4, ids=shuffled)) == []


def test_classes_that_differ_in_content_are_not_taken_for_groups():
    generator = np.random.default_rng(0)
    prototypes = generator.integers(0, 200, (12, 1, 8, 8))
    labels = np.repeat(np.arange(12), 30)
    x = (prototypes[labels] + generator.integers(0, 50, (360, 1, 8, 8))).astype(np.uint8)
    ids = [f"class{label}/img_{i}.png" for i, label in enumerate(labels)]
    assert found("undeclared_group", samples_of(x, labels, ids=ids, meta_kind=labels)) == []


def test_names_without_a_common_pattern_have_no_keys():
    generator = np.random.default_rng(0)
    names = [bytes(generator.integers(0, 256, 8, dtype=np.uint8)).hex() for _ in range(50)]
    assert name_keys(names) == []


def test_numbers_are_ordered_by_value_however_long():
    names = [f"img{n}.png" for n in (9, 10, 100, 2, 10**30)]
    (key,) = name_keys(names)
    assert key.is_order
    assert key.codes.tolist() == [1, 2, 3, 0, 4]


@pytest.mark.parametrize("name", ["row_{:06d}", "train/{:06d}", "series@{}"])
def test_names_that_a_source_invented_are_no_names_of_files(name):
    ids = [name.format(i) for i in range(160)]
    assert found("undeclared_group", takes(40, 4, ids=ids)) == []


@pytest.mark.parametrize("name", ["patient_id", "patient", "site"])
def test_a_feature_that_is_named_like_a_group_is_told(name):
    noise = np.random.default_rng(0).normal(size=300)
    labels = np.arange(300) % 2
    (finding,) = found(
        "undeclared_group", table_of({name: np.arange(300) // 6, "v": noise}, labels)
    )
    assert finding.severity == "warn"
    assert finding.values == {"column": name, "num_values": 50}
    assert f"ingest.source.group_column={name}" in finding.advice


def test_a_feature_that_is_an_id_is_told():
    columns = {"sample_id": np.arange(60), "v": np.random.default_rng(0).normal(size=60)}
    (finding,) = found("undeclared_group", table_of(columns, np.arange(60) % 2))
    assert "ingest.source.id_column=sample_id" in finding.advice
    assert "ingest.source.drop_columns=[sample_id]" in finding.advice


@pytest.mark.parametrize(
    "values", [np.random.default_rng(0).permutation(60) / 7, np.r_[np.zeros(58), 1, 2]]
)
def test_measurements_and_near_constants_are_no_groups(values):
    samples = table_of({"patient": values}, np.arange(60) % 2)
    assert found("undeclared_group", samples) == []
