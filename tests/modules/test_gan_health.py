import numpy as np
import pytest
from scipy.spatial.distance import pdist

from foldwise.modules.gan_health import (
    NUM_GENERATED,
    RealSamples,
    health_findings,
    mean_distance,
)
from foldwise.modules.gan_looks import fixed_labels
from foldwise.modules.gan_records import GanRecord

CENTRES = np.array([[0, 0], [20, 0], [0, 20], [20, 20]], np.float32)


def four_blobs(num, seed, kinds=(0, 1, 2, 3)):
    random = np.random.default_rng(seed)
    labels = random.choice(kinds, num)
    return CENTRES[labels] + random.normal(0, 1, (num, 2)).astype(np.float32), labels


def record(epoch, **values):
    looked = {"diversity": 0.9, "least_diversity": 0.8, "missing_clusters": 1, "num_clusters": 20}
    return GanRecord(
        epoch, 1.0, 1.0, 0.5, -0.5, **{"discriminator_accuracy": 0.7} | looked | values
    )


def checks(*history, steps=1000):
    return [(f.check, f.severity) for f in health_findings(history, 10, steps)]


def test_the_mean_distance_is_that_of_all_pairs():
    samples, _ = four_blobs(50, 0)
    assert mean_distance(samples) == pytest.approx(np.sqrt((pdist(samples) ** 2).mean()))


def test_other_samples_of_the_same_kind_lack_nothing():
    real = RealSamples(*four_blobs(1000, 0), seed=0)
    look = real.look(*four_blobs(NUM_GENERATED, 1))
    assert look.diversity == pytest.approx(1, abs=0.1)
    assert look.least_diversity == pytest.approx(1, abs=0.15)
    assert look.missing_clusters == 0
    assert look.num_clusters == 20


def test_missing_kinds_are_missing_clusters():
    real = RealSamples(*four_blobs(1000, 0), seed=0)
    look = real.look(*four_blobs(NUM_GENERATED, 1, kinds=(0, 1)))
    # k-means gives each of the four equal kinds about a quarter of the clusters.
    assert look.missing_clusters / look.num_clusters == pytest.approx(0.5, abs=0.15)
    assert look.diversity == pytest.approx(1, abs=0.15)  # of the classes that are there


def test_one_sample_per_class_is_no_diversity_though_classes_differ():
    real = RealSamples(*four_blobs(1000, 0), seed=0)
    labels = np.arange(NUM_GENERATED) % 4
    look = real.look(CENTRES[labels], labels)
    assert look.diversity == 0
    blind = np.zeros(1000, np.int64)
    unlabelled = RealSamples(four_blobs(1000, 0)[0], blind, seed=0)
    assert unlabelled.look(CENTRES[labels], blind[:NUM_GENERATED]).diversity > 0.9


def test_the_least_diverse_class_is_named():
    real = RealSamples(*four_blobs(1000, 0), seed=0)
    samples, labels = four_blobs(NUM_GENERATED, 1)
    samples[labels == 2] = CENTRES[2]
    look = real.look(samples, labels)
    assert (look.least_diverse, look.least_diversity) == (2, 0)


def test_classes_are_drawn_by_their_shares():
    labels = fixed_labels(np.array([3.0, 0.0, 1.0]))
    assert np.bincount(labels).tolist() == [384, 0, 128]


def test_a_sound_fit_has_no_findings():
    assert checks(*map(record, range(10))) == []


def test_samples_that_are_alike_end_a_fit_at_the_third_look():
    alike = [record(epoch, diversity=0.01) for epoch in range(10)]
    assert checks(*alike[:1]) == []  # within the first fifth
    assert checks(*alike[:3]) == [("mode_collapse", "warn")]
    assert checks(*alike[:4]) == [("mode_collapse", "error")]
    assert checks(*alike[:3], record(3)) == []
    assert checks(*alike[:2], record(2), *alike[3:5]) == [("mode_collapse", "warn")]


def test_a_slow_fit_is_no_collapsed_one():
    slow = [record(epoch, diversity=0.02 * 1.1**epoch) for epoch in range(6)]
    assert checks(*slow) == [("mode_collapse", "warn")]
    fills = [record(epoch, missing_clusters=19 - 2 * epoch) for epoch in range(4)]
    assert checks(*fills) == [("mode_collapse", "warn")]
    worse = [record(e, diversity=0.02 * 1.1**e, missing_clusters=10 + e) for e in range(6)]
    assert checks(*worse) == [("mode_collapse", "error")]


def test_after_few_steps_nothing_can_be_told():
    alike = [record(epoch, diversity=0.01) for epoch in range(10)]
    assert checks(*alike, steps=20) == [("short_fit", "warn")]
    assert checks(*alike[:9], steps=20) == []
    assert checks(*alike, steps=30) == [("mode_collapse", "warn")]


def test_most_clusters_missing_is_a_collapse():
    history = [record(epoch, missing_clusters=11) for epoch in range(5)]
    (finding,) = health_findings(history, 10, 1000)
    assert finding.severity == "error"
    assert "After epoch 5" in finding.message
    assert "hit 9 of 20 clusters" in finding.message
    assert "fit.diff_augment" in finding.advice


def test_a_sure_discriminator_is_grave_where_samples_are_poor():
    sure = [record(epoch, discriminator_accuracy=0.999) for epoch in range(6)]
    assert checks(*sure) == [("discriminator_saturation", "warn")]
    assert checks(*sure[:5], record(5, discriminator_accuracy=0.9)) == []
    poor = [record(e, discriminator_accuracy=1.0, missing_clusters=15) for e in range(6)]
    assert ("discriminator_saturation", "error") in checks(*poor)
    critic = [record(epoch, discriminator_accuracy=None) for epoch in range(6)]
    assert checks(*critic) == []


def test_a_poor_class_is_named():
    (finding,) = health_findings([record(5, least_diversity=0.1)], 10, 1000, "rare")
    assert finding.severity == "warn"
    assert "'rare' lie only 10% as far apart" in finding.message


def test_epochs_without_a_look_say_nothing():
    blank = dict.fromkeys(("diversity", "least_diversity", "missing_clusters", "num_clusters"))
    assert checks(*(record(e, diversity=0.0) for e in range(5)), record(5, **blank)) == []
