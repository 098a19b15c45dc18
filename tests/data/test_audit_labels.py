import numpy as np
import pandas as pd
import pytest
from audited import found, noise_images, samples_of
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy

from foldwise.data.audit.class_names import similar_names
from foldwise.data.audit.files import lacks_label
from foldwise.data.audit.labels import label_summary
from foldwise.data.samples import Samples


def images(labels):
    return samples_of(noise_images(len(labels)), labels)


def test_missing_labels_are_told_apart_from_other_bad_rows():
    skipped = pd.DataFrame(
        {
            "path": ["t.csv, row 3", "t.csv, row 9", "t.csv, row 11"],
            "reason": ["the label is missing", "no label", "'x' in the column width is no number"],
        },
        dtype="str",
    )
    samples = images(["a", "b"] * 10)
    (finding,) = found("missing_labels", samples, skipped)
    assert finding.sample_ids == (("t.csv, row 3",), ("t.csv, row 9",))
    (other,) = found("bad_files", samples, skipped)
    assert other.sample_ids == (("t.csv, row 11",),)
    assert found("missing_labels", samples) == []


@pytest.mark.parametrize(
    ("reason", "is_missing"),
    [
        ("its label is missing", True),
        ("the label of all 12 rows up to here is missing: the window 'a@3' has none", True),
        ("the column 'class' is empty", True),
        ("no label", True),
        ("its target 'x' is no number", False),
        ("its class 'x' is not among those of the header", False),
        ("cannot be read: the label is 'x'", False),
        ("damaged or truncated (OSError: image file is truncated)", False),
        ("the column 'width' is empty", False),
    ],
)
def test_a_reason_is_a_missing_label_or_another(reason, is_missing):
    skipped = pd.DataFrame({"path": ["t.csv, row 3"], "reason": [reason]}, dtype="str")
    assert lacks_label(skipped).tolist() == [is_missing]


def test_classes_of_one_member_are_found():
    samples = images(["a"] * 10 + ["b"] * 10 + ["c", "d"])
    (finding,) = found("single_member_classes", samples)
    assert finding.sample_ids == (("s20",), ("s21",))
    assert "'c', 'd'" in finding.message
    assert found("rare_classes", samples) == []


def test_rare_classes_are_found_below_the_number_of_folds():
    samples = images(["a"] * 10 + ["b"] * 4)
    (finding,) = found("rare_classes", samples)
    assert finding.values == {"b": 4}
    assert found("rare_classes", samples, min_class_size=4) == []
    assert found("single_member_classes", samples) == []


def test_an_imbalance_is_told_and_a_large_one_warned_of():
    (told,) = found("class_imbalance", images(["a"] * 30 + ["b"] * 10))
    (warned,) = found("class_imbalance", images(["a"] * 100 + ["b"] * 10))
    assert (told.severity, warned.severity) == ("info", "warn")
    assert warned.values["imbalance_ratio"] == 10
    assert found("class_imbalance", images(["a"] * 20 + ["b"] * 10)) == []


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1, 30), min_size=2, max_size=6))
def test_effective_classes_are_the_hill_numbers(counts):
    labels = np.repeat([f"c{i}" for i in range(len(counts))], counts)
    summary = label_summary(samples_of(np.zeros((len(labels), 1, 1, 1), np.uint8), labels))
    shares = np.array(counts) / sum(counts)
    assert summary["effective_classes"] == pytest.approx(np.exp(entropy(shares)))
    assert summary["effective_classes_simpson"] == pytest.approx(1 / (shares**2).sum())
    assert summary["imbalance_ratio"] == max(counts) / min(counts)


def test_equal_classes_are_as_many_as_they_are():
    summary = label_summary(images(["a", "b", "c", "d"] * 5))
    assert summary["effective_classes"] == pytest.approx(4)


@pytest.mark.parametrize(
    "names",
    [
        ("Cat", "cat "),
        ("new york", "New-York"),
        ("new_york", "new york"),
        ("caf\u00e9", "cafe\u0301"),
        ("\uff21bc", "Abc"),
    ],
)
def test_names_that_differ_in_spelling_only_are_surely_one(names):
    assert similar_names([*names, "other"]) == ([tuple(sorted(names))], [])


@pytest.mark.parametrize(
    "names", [("cat", "cats"), ("melanoma", "melanma"), ("red squirel", "red squirrel")]
)
def test_plurals_and_slips_are_perhaps_one(names):
    assert similar_names([*names, "other"]) == ([], [tuple(sorted(names))])


@pytest.mark.parametrize(
    "names",
    [
        ("class 1", "class 2"),
        ("class 1", "class 11"),
        ("type a", "type b"),
        ("typea", "typeb"),
        ("a", "b"),
        ("0", "1"),
        ("im", "imU", "imL", "om", "omL", "pp", "cp"),
        ("normal", "abnormal"),
        ("typical", "atypical"),
        ("hyper", "hypo", "normal"),
        ("male", "female"),
        ("grade II", "grade III"),
        ("tumor", "nontumor"),
        ("+", "-"),
        ("house", "mouse", "horse"),
        ("Russian", "English", "Irish", "Polish", "Spanish", "Scottish"),
        ("Shirt", "T-shirt/top", "Sandal", "Sneaker"),
        ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    ],
)
def test_different_names_are_left_alone(names):
    assert similar_names(names) == ([], [])


def test_similar_class_names_become_findings():
    samples = images(["Cat"] * 10 + ["cat "] * 10 + ["dog"] * 10 + ["dogs"] * 10)
    certain, likely = found("similar_class_names", samples)
    assert (certain.severity, likely.severity) == ("warn", "info")
    assert "'Cat', 'cat '" in certain.message
    assert "'dog', 'dogs'" in likely.message
    assert found("similar_class_names", images(["cat", "dog"] * 10)) == []


def test_many_class_names_are_compared_fast():
    names = [f"{word}{letter}{i}" for i in range(1500) for word, letter in [("species ", "x")]]
    assert similar_names(names) == ([], [])


def test_the_imbalance_is_that_of_what_a_model_is_fitted_on():
    labels = ["a"] * 40 + ["b"] * 4 + ["a", "b"] * 30
    table = pd.DataFrame({"label": labels, "official_split": ["train"] * 44 + ["test"] * 60})
    samples = Samples(np.zeros((104, 1, 4, 4), np.uint8), table, ("a", "b"))
    assert label_summary(samples)["imbalance_ratio"] == 10


def test_class_names_are_told_in_one_printable_line():
    (finding,) = found(
        "single_member_classes", samples_of(noise_images(5), ["a"] * 4 + ["b\x07\n"])
    )
    assert r"one member: 'b\x07\n'." in finding.message
