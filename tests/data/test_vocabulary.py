"""A vocabulary knows the training part, and nothing else changes it."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pydantic import ValidationError

from foldwise.data.vocabulary import Vocabulary, VocabularyConfig, fit_vocabulary

TOKENS = ("", "a", "b", "c", "d", "e")
texts = hnp.arrays(np.int32, (8, 5), elements=st.integers(0, len(TOKENS) - 1))


@given(texts, texts, st.sets(st.integers(0, 7)))
def test_other_rows_change_nothing(x, other, training):
    rows = np.array(sorted(training), np.int64)
    changed = other.copy()
    changed[rows] = x[rows]
    assert fit_vocabulary(x, TOKENS, rows) == fit_vocabulary(changed, TOKENS, rows)
    assert fit_vocabulary(x, TOKENS, rows[::-1]) == fit_vocabulary(x, TOKENS, rows)


@given(texts, st.sets(st.integers(0, 7)))
def test_what_was_not_seen_is_unknown_and_the_rest_can_be_read_back(x, training):
    rows = np.array(sorted(training), np.int64)
    vocabulary = fit_vocabulary(x, TOKENS, rows)
    seen = {TOKENS[i] for i in x[rows].ravel()} - {""}
    assert set(vocabulary.tokens) == seen
    encoded = vocabulary.encode(x, TOKENS)
    assert encoded.max(initial=0) < vocabulary.size
    spelled = ("", "?", *vocabulary.tokens)
    for before, after in zip(x.ravel(), encoded.ravel(), strict=True):
        token = TOKENS[before]
        assert spelled[after] == (token if token in {*seen, ""} else "?")


def test_the_numbers_do_not_depend_on_texts_outside_the_training_part():
    # Another interning of the same training text: new tokens before, between and after.
    first = fit_vocabulary(np.array([[1, 2, 1]], np.int32), ["", "b", "a"], np.array([0]))
    x = np.array([[4, 2, 4], [1, 3, 5]], np.int32)
    assert fit_vocabulary(x, ["", "A", "a", "aa", "b", "z"], np.array([0])) == first


@given(texts, st.integers(1, 6), st.integers(1, 5))
def test_the_most_frequent_tokens_are_kept(x, min_count, max_size):
    config = VocabularyConfig(min_count=min_count, max_size=max_size)
    counts = Counter(TOKENS[i] for i in x.ravel() if i)
    frequent = sorted((t for t in counts if counts[t] >= min_count), key=lambda t: (-counts[t], t))
    assert fit_vocabulary(x, TOKENS, np.arange(8), config).tokens == tuple(frequent[:max_size])


def test_it_survives_json_and_other_samples_numbering():
    vocabulary = Vocabulary(tokens=("é", "\n", "\U0001f600"))
    again = Vocabulary.model_validate_json(vocabulary.model_dump_json())
    assert again == vocabulary
    x = np.array([[1, 2, 3, 0]], np.int32)
    assert again.encode(x, ["", "\U0001f600", "new", "é"]).tolist() == [[4, 1, 2, 0]]


def test_more_samples_than_a_chunk_are_counted():
    x = np.ones((10_000, 1), np.int32)
    x[0] = 2
    config = VocabularyConfig(min_count=9999)
    assert fit_vocabulary(x, ["", "a", "b"], np.arange(10_000), config).tokens == ("a",)


@pytest.mark.parametrize("values", [{"min_count": 0}, {"max_size": 0}])
def test_sizes_below_one_are_refused(values):
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        VocabularyConfig.of(**values)
