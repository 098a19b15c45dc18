"""The audit as a whole: severities, what was checked, and no false alarms on clean data."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest
from audited import NOTHING_SKIPPED, findings, found, noise_images, samples_of, table_of
from pydantic import ValidationError
from sklearn import datasets

from foldwise.data.audit.audit import (
    CHECKS,
    AuditError,
    audit_record,
    findings_table,
    require_no_errors,
    run_audit,
)
from foldwise.data.audit.config import AuditConfig, CheckName
from foldwise.data.ingest import IngestConfig, ingest

DATA = Path(os.environ.get("FOLDWISE_DATA", "../shared/data"))


def needs(name):
    return pytest.mark.skipif(
        not (DATA / name).exists(),
        reason=f"{DATA / name} is missing; FOLDWISE_DATA names its folder",
    )


def with_leaking_groups():
    return samples_of(
        noise_images(40),
        ["a", "b"] * 20,
        group=[f"g{i // 2 % 10}" for i in range(40)],
        official_split=["train", "test"] * 20,
    )


def audit_of(samples, **config):
    return run_audit(samples, NOTHING_SKIPPED, AuditConfig.of(**config))


def test_every_name_of_a_check_has_one_check():
    names = [check.name for check in CHECKS]
    assert sorted(names) == sorted(get_args(CheckName))


def test_a_misspelt_check_is_refused_with_the_nearest_and_all_names():
    with pytest.raises(ValidationError, match=r"'rare_clases' \(did you mean 'rare_classes'\?\)"):
        AuditConfig.of(severity={"rare_clases": "error"})
    with pytest.raises(ValidationError, match=r"Allowed: .*zeros_as_missing"):
        AuditConfig.of(severity={"nonsense": "error"})
    with pytest.raises(ValidationError, match="'error', 'warn', 'info' or 'off'"):
        AuditConfig.of(severity={"rare_classes": "fatal"})


def test_yaml_off_is_off():
    assert AuditConfig.of(severity={"outliers": False}).severity == {"outliers": "off"}


@pytest.mark.parametrize("severity", ["error", "warn", "info"])
def test_the_users_severity_overrides_a_checks_own(severity):
    name = "group_across_official_split"
    (finding,) = found(name, with_leaking_groups(), severity={name: severity})
    assert finding.severity == severity


def test_a_check_that_is_off_finds_nothing_and_says_so():
    name = "group_across_official_split"
    audit = audit_of(with_leaking_groups(), severity={name: "off"})
    assert name not in {finding.check for finding in audit.findings}
    outcome = {check["check"]: check["outcome"] for check in audit_record(audit)["checks"]}
    assert outcome[name] == "off"


def test_findings_are_ordered_by_severity_and_then_by_check():
    samples = samples_of(
        noise_images(60),
        ["a"] * 40 + ["b"] * 15 + ["c"] * 4 + ["d"],
        group=["g0"] * 40 + ["g1"] * 20,
        official_split=["train", "test"] * 30,
    )
    order = [(finding.severity, finding.check) for finding in findings(samples)]
    assert order == sorted(order, key=lambda p: (("error", "warn", "info").index(p[0]), p[1]))
    assert order[0] == ("error", "group_across_official_split")
    assert ("warn", "rare_classes") in order


def test_the_record_is_json_and_tells_every_check_and_what_became_of_it():
    record = audit_record(audit_of(with_leaking_groups()))
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    outcome = {check["check"]: check["outcome"] for check in record["checks"]}
    assert set(outcome) == set(get_args(CheckName))
    assert outcome["group_across_official_split"] == "found"
    assert outcome["bad_files"] == "nothing found"
    assert outcome["zeros_as_missing"] == "does not apply"
    assert all(check["what"] for check in record["checks"])
    assert record["counts"]["error"] == 1
    assert record["summary"]["imbalance_ratio"] == 1


def test_the_record_lists_so_many_sets_and_counts_all():
    size = 400
    samples = samples_of(
        noise_images(size),
        ["a", "b"] * (size // 2),
        group=[f"g{i // 4}" for i in range(size)],
        official_split=["train", "test"] * (size // 2),
    )
    (finding,) = [f for f in audit_record(audit_of(samples))["findings"] if f["num_sets"]]
    assert finding["num_sets"] == 100
    assert len(finding["first_sets"]) == 50
    assert finding["first_sets"][0] == ["s0", "s1", "s2", "s3"]


def test_the_table_has_a_row_per_finding_and_survives_csv(tmp_path):
    audit = audit_of(with_leaking_groups())
    table = findings_table(audit)
    assert list(table.columns) == [
        "check",
        "severity",
        "message",
        "advice",
        "num_sets",
        "first_ids",
    ]
    assert table["check"].tolist() == [finding.check for finding in audit.findings]
    assert table["num_sets"].tolist()[0] == 10
    table.to_csv(tmp_path / "findings.csv", index=False)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "findings.csv"), table)


def test_an_audit_without_findings_has_an_empty_table_with_its_columns():
    table = findings_table(audit_of(samples_of(noise_images(40), ["a", "b"] * 20)))
    assert len(table) == 0
    assert "message" in table


def test_an_error_stops_and_says_how_to_lower_it():
    samples = with_leaking_groups()
    record = audit_record(audit_of(samples))
    with pytest.raises(AuditError) as error:
        require_no_errors(record, samples)
    assert "10 of 10 groups stand in more than one part" in str(error.value)
    assert "audit.severity.group_across_official_split=warn" in str(error.value)


def test_warnings_do_not_stop():
    samples = with_leaking_groups()
    lowered = audit_of(samples, severity={"group_across_official_split": "warn"})
    assert lowered.findings
    require_no_errors(audit_record(lowered), samples)


def test_an_audit_of_other_samples_is_refused():
    samples = samples_of(noise_images(40), ["a", "b"] * 20)
    record = audit_record(audit_of(samples))
    changed = samples.table.assign(sha256=samples.table["sha256"].str.upper())
    with pytest.raises(AuditError, match="made of other samples"):
        require_no_errors(record, replace(samples, table=changed))


def test_the_same_audit_twice_is_the_same():
    images = np.repeat(noise_images(40), 3, axis=0)
    images[:, 0, 0, 0] = np.arange(120)
    samples = samples_of(images, ["a", "b"] * 60, ids=[f"{i:04d}.png" for i in range(120)])
    assert audit_record(audit_of(samples)) == audit_record(audit_of(samples))


@pytest.mark.parametrize("name", ["iris", "wine"])
def test_clean_tables_give_no_finding(name):
    raw = getattr(datasets, f"load_{name}")(as_frame=True).frame
    clean = raw.drop_duplicates().sample(frac=1, random_state=0)  # they are sorted by class
    columns = {column: clean[column] for column in clean.columns[:-1]}
    assert findings(table_of(columns, clean["target"])) == ()
    sorted_by_class = clean.sort_values("target")
    columns = {column: sorted_by_class[column] for column in clean.columns[:-1]}
    (finding,) = findings(table_of(columns, sorted_by_class["target"]))
    assert finding.check == "row_order"


def test_a_clean_regression_gives_no_finding():
    clean = datasets.load_diabetes()
    columns = dict(zip(clean.feature_names, clean.data.T, strict=True))
    assert findings(table_of(columns, target=clean.target)) == ()


def test_digits_give_nothing_but_what_there_is(tmp_path):
    samples = ingest(IngestConfig(), tmp_path / "samples").samples
    # A few digits are near copies, and the border's ink tells some of the class.
    told = {finding.check for finding in findings(samples)}
    assert told == {"near_duplicates", "visible_shortcut"}


def test_the_audit_hands_on_duplicates_and_scores_of_shortcuts():
    images = noise_images(60)
    images[7] = images[3]
    samples = samples_of(images, ["a", "b"] * 30)
    audit = audit_of(samples)
    assert audit.duplicates.table["sample_id"].tolist() == ["s3", "s7"]
    (finding,) = [f for f in audit.findings if f.check == "exact_duplicates"]
    assert finding.sample_ids == (("s3", "s7"),)
    scores = audit_record(audit)["shortcuts"]["scores"]
    assert {"brightness", "contrast"} <= {score["property"] for score in scores}


def test_shortcuts_that_are_all_off_are_not_looked_for():
    names = ("visible_shortcut", "collection_shortcut", "row_order")
    samples = samples_of(noise_images(60), ["a", "b"] * 30)
    audit = audit_of(samples, severity=dict.fromkeys(names, "off"))
    assert audit.shortcuts is None
    assert audit_record(audit)["shortcuts"] is None


def test_a_shortcut_is_a_finding_of_its_check():
    images = noise_images(60)
    images[::2] //= 4
    (finding,) = found("visible_shortcut", samples_of(images, ["a", "b"] * 30))
    assert finding.severity == "warn"
    assert "brightness" in finding.message


def test_noise_series_and_texts_give_no_finding():
    generator = np.random.default_rng(0)
    series = generator.normal(size=(60, 30, 2)).astype(np.float32)
    assert findings(samples_of(series, ["a", "b"] * 30, modality="series")) == ()
    texts = generator.integers(1, 9, (60, 30)).astype(np.int32)
    assert findings(samples_of(texts, ["a", "b"] * 30, modality="tokens")) == ()


@pytest.mark.real_data
@needs("tables/pima_diabetes.csv")
def test_the_zeros_of_pima_are_found():
    pima = pd.read_csv(DATA / "tables" / "pima_diabetes.csv")
    samples = table_of({name: pima[name] for name in pima.columns[:-1]}, pima[pima.columns[-1]])
    (finding,) = findings(samples)
    assert finding.check == "zeros_as_missing"
    zeros = (pima == 0).sum()
    columns = ["glucose", "blood_pressure", "skin_thickness", "insulin", "bmi"]
    assert finding.values == {name: zeros[name] for name in columns}


@pytest.mark.real_data
@needs("timeseries/ECG5000_TRAIN.ts")
def test_the_rare_class_of_ecg5000_is_found(tmp_path):
    source = {"kind": "series_files", "path": DATA / "timeseries" / "ECG5000_TRAIN.ts"}
    samples = ingest(IngestConfig.of(source=source), tmp_path / "samples").samples
    values = {finding.check: finding.values for finding in findings(samples)}
    assert set(values) == {"rare_classes", "class_imbalance", "row_order"}
    assert values["rare_classes"] == {"5": 2}
    assert values["class_imbalance"]["imbalance_ratio"] == 146


@pytest.mark.real_data
@needs("magnetic_tile/images")
def test_the_frames_of_magnetic_tiles_are_found_unless_declared(tmp_path):
    source = {
        "kind": "image_folder",
        "path": DATA / "magnetic_tile" / "images",
        "image_size": 32,
        "size_policy": "resize",
    }
    samples = ingest(IngestConfig.of(source=source), tmp_path / "samples").samples
    (finding,) = found("undeclared_group", samples)
    assert "The last number of the name" in finding.message
    assert finding.values["share_alike"] > 0.4
    groups = pd.read_csv(DATA / "magnetic_tile" / "groups.csv", dtype="str")
    group_of = groups.set_index(groups["image"].str.removeprefix("images/"))["group"]
    samples.table["group"] = samples.table["sample_id"].map(group_of)
    assert samples.table["group"].notna().all()
    assert found("undeclared_group", samples) == []
