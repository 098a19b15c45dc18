import numpy as np
import pandas as pd
import pytest
from baseline_samples import table_of

from foldwise.data.samples import Samples
from foldwise.tasks.explain.chosen_samples import ExplainError, choose_samples, find_sample
from foldwise.tasks.explain.config import ExplainConfig

CLASSES = ("a", "b")
# target, p_a: two mistakes of each class, the second one more confident
ROWS = [
    *(("a", 0.9), ("a", 0.4), ("a", 0.1), ("a", 0.8)),
    *(("b", 0.2), ("b", 0.6), ("b", 0.99), ("b", 0.3)),
]


def samples_of(size, **columns):
    x = np.zeros((size, 1, 2, 2), np.uint8)
    return Samples(x, table_of(x, **columns), CLASSES if "label" in columns else ())


@pytest.fixture
def classified():
    samples = samples_of(10, label=[*(target for target, _ in ROWS), "a", "b"])
    rows = [
        {"sample_id": f"s{i:03d}", "repeat": r, "fold": i % 2, "part": "oof", "target": target}
        | {"p_a": p, "p_b": 1 - p}
        for r in (0, 1)
        for i, (target, p) in enumerate(ROWS)
    ]
    test = {
        "sample_id": "s008",
        "repeat": 0,
        "part": "test",
        "target": "a",
        "p_a": 0.2,
        "p_b": 0.8,
    }
    return samples, pd.DataFrame(rows + [test | {"fold": fold} for fold in (0, 1)])


def test_the_most_confident_mistake_of_each_class_is_chosen(classified):
    samples, predictions = classified
    chosen = choose_samples(predictions, samples, ExplainConfig())
    mistakes = [(s.sample_id, s.target, s.predicted) for s in chosen if not s.is_correct]
    assert mistakes == [("s006", "b", "a"), ("s002", "a", "b")]
    correct = [s for s in chosen if s.is_correct]
    assert sorted(s.target for s in correct) == ["a", "b"]
    assert all(s.repeat == 0 and s.fold == s.row % 2 for s in chosen)
    worst = next(s for s in chosen if s.sample_id == "s006")
    assert (worst.output, worst.probability) == (0, pytest.approx(0.99))


def test_the_order_of_the_table_does_not_matter(classified):
    samples, predictions = classified
    expected = choose_samples(predictions, samples, ExplainConfig())
    assert choose_samples(predictions[::-1], samples, ExplainConfig()) == expected


def test_there_are_no_more_than_asked_for(classified):
    samples, predictions = classified
    config = ExplainConfig(max_samples=3, num_correct=2, num_mistakes=2)
    chosen = choose_samples(predictions, samples, config)
    assert [s.is_correct for s in chosen] == [True, False, False]
    none = ExplainConfig(num_correct=0, num_mistakes=0)
    assert choose_samples(predictions, samples, none) == []


def test_samples_are_found_by_their_ids(classified):
    samples, predictions = classified
    chosen = choose_samples(predictions, samples, ExplainConfig.of(samples="s003;s008"))
    assert [(s.sample_id, s.fold) for s in chosen] == [("s003", 1), ("s008", 0)]


def test_an_unknown_id_is_told_with_the_nearest_one(classified):
    samples, predictions = classified
    with pytest.raises(ExplainError, match=r"'s0061', which is none of the 10 .* 's006'"):
        choose_samples(predictions, samples, ExplainConfig.of(samples="s0061"))


def test_a_sample_that_all_networks_saw_is_refused(classified):
    samples, predictions = classified
    with pytest.raises(ExplainError, match="'s009', but this sample is in no fold"):
        find_sample("s009", predictions, samples, "explain.dream.sample")


def test_of_numbers_the_best_and_the_worst_are_chosen():
    errors = [0.5, 3.0, 0.1, 9.0, 0.2, 0.3, 7.0, 1.0]
    samples = samples_of(8, target=np.zeros(8))
    predictions = pd.DataFrame(
        {
            "sample_id": [f"s{i:03d}" for i in range(8)],
            "repeat": 0,
            "fold": 0,
            "part": "oof",
            "step": 1,
            "target": 0.0,
            "prediction": [-error for error in errors],
        }
    )
    chosen = choose_samples(predictions, samples, ExplainConfig(max_samples=6))
    assert [s.row for s in chosen] == [2, 4, 5, 3, 6, 1]
    assert chosen[3].predicted == "-9"
    assert chosen[3].is_correct is None
