import numpy as np
import pytest
import torch
from imblearn.over_sampling import SMOTE
from sklearn.linear_model import LogisticRegression
from torch import nn

from foldwise.data.balance.config import Smote
from foldwise.data.balance.smote import resample_vectors
from foldwise.models.parts import PartError
from foldwise.tasks.embedding_smote import embed, logistic_layer, refit_head


def clusters(sizes, seed=0, dimensions=4):
    generator = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(sizes)), sizes)
    centres = 2 * generator.normal(size=(len(sizes), dimensions))
    noise = generator.normal(size=(len(labels), dimensions))
    return (centres[labels] + noise).astype(np.float32), labels


def network(classes, bias=True):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Dropout(0.5), nn.Linear(6, classes, bias))


def batches(vectors, labels):
    inputs, codes = torch.from_numpy(vectors), torch.from_numpy(labels)
    return list(zip(inputs.split(16), codes.split(16), strict=True))


def test_classes_are_brought_to_the_largest_by_points_between_their_members():
    vectors, labels = clusters([40, 12, 8])
    made, codes = resample_vectors(vectors, labels, Smote(), seed=0)
    assert np.bincount(codes).tolist() == [40, 40, 40]
    np.testing.assert_array_equal(made[:60], vectors)
    for number in (1, 2):
        own, new = vectors[labels == number], made[60:][codes[60:] == number]
        # each new one lies on the line between two members
        first, second = own[:, None, None], own[None, :, None]
        ends = np.linalg.norm(new - first, axis=-1) + np.linalg.norm(new - second, axis=-1)
        lengths = np.linalg.norm(first - second, axis=-1)
        excess = np.where(lengths > 0, ends - lengths, np.inf)
        assert excess.min(axis=(0, 1)).max() < 1e-4
        assert not (new[:, None] == own[None]).all(-1).any(), "members are not just repeated"


def test_with_enough_members_it_is_imbalanced_learns_smote():
    vectors, labels = clusters([30, 12, 8])
    made, codes = resample_vectors(vectors, labels, Smote(k_neighbours=3), seed=5)
    from foldwise.seeds import derive_seed

    state = np.random.RandomState(np.random.MT19937(derive_seed(5, 3, "smote")))
    expected = SMOTE(k_neighbors=3, random_state=state).fit_resample(vectors, labels)
    np.testing.assert_array_equal(made, expected[0])
    np.testing.assert_array_equal(codes, expected[1])


def test_a_class_of_few_members_uses_all_of_them_and_a_single_one_is_repeated():
    vectors, labels = clusters([20, 1, 3, 0, 2])
    made, codes = resample_vectors(vectors, labels, Smote(k_neighbours=5), seed=0)
    assert np.bincount(codes).tolist() == [20, 20, 20, 0, 20]
    lonely = vectors[labels == 1]
    assert (made[codes == 1] == lonely).all()
    assert len(np.unique(made[codes == 4], axis=0)) > 10


def test_the_ratio_and_the_seed():
    vectors, labels = clusters([40, 30, 8])
    made, codes = resample_vectors(vectors, labels, Smote(ratio=0.5), seed=0)
    assert np.bincount(codes).tolist() == [40, 30, 20]
    again, other = (resample_vectors(vectors, labels, Smote(ratio=0.5), seed=s)[0] for s in (0, 1))
    np.testing.assert_array_equal(made, again)
    assert (made != other).any()


def test_embeddings_are_what_reaches_the_last_layer_without_dropout():
    vectors, labels = clusters([20, 15])
    net = network(2)
    embeddings, codes = embed(net, batches(vectors, labels))
    with torch.no_grad():
        expected = net[1](net[0](torch.from_numpy(vectors)))
    np.testing.assert_allclose(embeddings, expected, rtol=1e-6)
    assert codes.tolist() == labels.tolist()
    assert net.training


def test_a_network_without_a_dense_layer_is_refused():
    with pytest.raises(PartError, match="no dense layer"):
        embed(nn.Sequential(nn.Conv2d(1, 2, 1)), [])


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("has_bias", [True, False])
def test_the_layer_is_the_logistic_regression_of_standardised_vectors(classes, has_bias):
    vectors, labels = clusters([30, 20, 25][:classes])
    vectors = vectors * [1, 10, 0.1, 5] + (3 if has_bias else 0)
    scaled = (vectors - vectors.mean(0) * has_bias) / vectors.std(0)
    reference = LogisticRegression(max_iter=5000, fit_intercept=has_bias).fit(scaled, labels)
    weight, bias = logistic_layer(vectors, labels, has_bias)
    logits = torch.from_numpy(vectors @ weight.T + bias)
    np.testing.assert_allclose(logits.softmax(1), reference.predict_proba(scaled), atol=1e-6)
    assert has_bias or (bias == 0).all()


@pytest.mark.parametrize("bias", [True, False])
def test_the_new_layer_finds_rare_classes_and_the_body_stays(bias):
    vectors, labels = clusters([300, 20, 12], seed=3)
    held_out, truth = clusters([100, 100, 100], seed=3)
    net = network(3, bias)
    body = net[0].weight.clone()
    refit_head(net, *embed(net, batches(vectors, labels)), Smote(), seed=0)
    with torch.no_grad():
        decided = net.eval()(torch.from_numpy(held_out)).argmax(1).numpy()
    recalls = [(decided[truth == number] == number).mean() for number in range(3)]
    assert min(recalls) > 0.6
    assert torch.equal(net[0].weight, body)
    again = network(3, bias)
    refit_head(again, *embed(again, batches(vectors, labels)), Smote(), seed=0)
    assert torch.equal(again[3].weight, net[3].weight)


@pytest.mark.parametrize("sizes", [[40, 0, 10], [40, 10, 0], [0, 30, 5, 9]])
def test_a_class_without_samples_is_never_decided_for(sizes):
    vectors, labels = clusters(sizes)
    net = network(len(sizes))
    refit_head(net, *embed(net, batches(vectors, labels)), Smote(), seed=0)
    with torch.no_grad():
        logits = net.eval()(torch.from_numpy(vectors))
    assert torch.isfinite(logits).all()
    assert sizes[int(logits.argmax(1).mode().values)] > 0
    assert not np.isin(logits.argmax(1), np.flatnonzero(np.array(sizes) == 0)).any()


def test_one_class_alone_leaves_the_network_as_it_was():
    vectors, labels = clusters([0, 20])
    net, before = network(2), network(2)
    refit_head(net, *embed(net, batches(vectors, labels)), Smote(), seed=0)
    assert torch.equal(net[3].weight, before[3].weight)
