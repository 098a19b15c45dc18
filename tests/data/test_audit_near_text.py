"""Texts that are nearly the same are found, exactly as counting all pairs would."""

import itertools

import numpy as np
import pytest

from foldwise.data.audit.near_pairs import joined_sets
from foldwise.data.audit.near_text import NearTextConfig, find_near_texts
from foldwise.data.token_texts import texts_of

WORDS = [
    *("river", "stone", "winter", "paper", "light", "garden", "engine", "window", "market"),
    *("silver", "orange", "doctor", "bridge", "letter", "summer", "forest", "candle", "planet"),
]


def tokenised(texts, split=list):
    pieces = [split(text) for text in texts]
    tokens = ("", *sorted({token for piece in pieces for token in piece}))
    lengths = np.array([len(piece) for piece in pieces])
    x = np.zeros((len(texts), max(lengths)), np.int32)
    for row, piece in zip(x, pieces, strict=True):
        row[: len(piece)] = [tokens.index(token) for token in piece]
    return x, lengths, tokens


def pairs_of(texts, split=list, **config):
    return find_near_texts(*tokenised(texts, split), NearTextConfig(**config))


def sentences(num, seed=0, num_words=12):
    generator = np.random.default_rng(seed)
    return [" ".join(generator.choice(WORDS, num_words)) for _ in range(num)]


def reworded(texts, seed=1):
    generator = np.random.default_rng(seed)
    changed = []
    for text in texts:
        words = text.split()
        words[generator.integers(len(words))] = "changed"
        changed.append(" ".join(words))
    return changed


def jaccard(a, b, size=5):
    runs = [{text[i : i + size] for i in range(len(text) - size + 1)} for text in (a, b)]
    return len(runs[0] & runs[1]) / len(runs[0] | runs[1])


@pytest.mark.parametrize("threshold", [0.7, 0.8])
def test_the_pairs_are_those_that_counting_all_finds(threshold):
    texts = sentences(80, num_words=18)
    texts += reworded(texts[:40])
    every = {
        pair: jaccard(texts[pair[0]], texts[pair[1]])
        for pair in itertools.combinations(range(len(texts)), 2)
    }
    expected = {pair: share for pair, share in every.items() if share >= threshold}
    found = pairs_of(texts, similarity=threshold)
    assert {tuple(pair) for pair in found.pairs.tolist()} == set(expected)
    assert found.similarity == pytest.approx(list(expected.values()), abs=1e-6)
    assert len(expected) > 10


def test_case_and_white_space_do_not_count():
    texts = sentences(20)
    found = pairs_of([*texts, texts[3].upper(), texts[5].replace(" ", "\n  ")])
    assert found.pairs.tolist() == [[3, 20], [5, 21]]
    assert found.similarity.tolist() == [1, 1]


def test_words_are_compared_by_their_letters():
    texts = [*sentences(20), *reworded(sentences(20)[:10])]
    by_words = pairs_of(texts, str.split, similarity=0.6)
    assert by_words.pairs.tolist() == pairs_of(texts, similarity=0.6).pairs.tolist() != []


def test_short_texts_such_as_names_are_left_out():
    names = ["Andersen", "Anderson", "Petersen", "Peterson", "Petersson"]
    assert len(pairs_of(names)) == 0
    assert len(pairs_of(names, min_shingles=1, similarity=0.3)) > 0


def test_shifted_windows_of_one_genome_are_near():
    genome = "".join(np.random.default_rng(0).choice(list("acgt"), 4000))
    texts = [genome[i : i + 57] for i in range(0, 3900, 100)]
    assert pairs_of([*texts, genome[203:260]]).pairs.tolist() == [[2, 39]]


def test_a_thousand_messages_of_one_template_are_one_set_by_few_pairs():
    template = " ".join(sentences(1, num_words=30))
    found = pairs_of([f"{template} {i}" for i in range(1000)])
    assert (joined_sets(found.pairs, 1000) == 0).all()
    assert len(found) < 20_000


def test_texts_read_as_they_were():
    texts = ["a river", "stone  bridge ", "", "x"]
    assert texts_of(*tokenised(texts)) == texts
    assert texts_of(*tokenised(["a river", "stone"], str.split)) == ["a river", "stone"]


@pytest.mark.parametrize("num", [0, 1])
def test_a_few_texts_are_no_trouble(num):
    x, lengths, tokens = tokenised(sentences(2))
    assert len(find_near_texts(x[:num], lengths[:num], tokens, NearTextConfig())) == 0
