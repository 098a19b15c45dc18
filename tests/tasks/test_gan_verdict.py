import pytest
from made_gan_scores import CLASSES, gan_scores, generator_scores, limited, plain

from foldwise.data.findings import Finding
from foldwise.tasks.gan_verdict import distance_sentence, gan_verdict, generator_verdict

NO_NETWORK = dict.fromkeys(
    ("tstr_accuracy", "tstr_balanced_accuracy", "tstr_minus_trtr", "trts_accuracy")
)


def lost(share, balanced=None):
    """Metrics of a network that loses so much accuracy by generated samples."""
    return {
        "tstr_accuracy": limited(0.92 - share),
        "tstr_minus_trtr": limited(-share),
        "tstr_balanced_accuracy": plain(0.91 - (share if balanced is None else balanced)),
    }


def finding(severity):
    return Finding(check="mode_collapse", severity=severity, message="Samples became alike.")


@pytest.mark.parametrize(
    ("grade", "scores"),
    [
        ("good", generator_scores(lost(0.03))),
        ("fair", generator_scores(lost(0.10))),
        ("poor", generator_scores(lost(0.25))),
        # Of rare classes the accuracy hides what is lost.
        ("poor", generator_scores(lost(0.01, balanced=0.4))),
        ("fair", generator_scores(missing=CLASSES[:1])),
        ("poor", generator_scores(missing=CLASSES[:2])),
        ("fair", generator_scores({"coverage_net": plain(0.3)})),
        ("copies", generator_scores({"copies_net": limited(0.2)})),
        ("fair", generator_scores(findings=(finding("warn"),))),
        ("good", generator_scores(findings=(finding("info"),))),
        ("poor", generator_scores(findings=(finding("error"),))),
        # A judge that hardly sees cannot find anything good.
        ("fair", generator_scores(lost(0.0) | {"trtr_balanced_accuracy": plain(0.5)})),
        # One that knows little has few points to lose: these are most of them.
        (
            "poor",
            generator_scores(
                {
                    "trtr_balanced_accuracy": plain(0.42),
                    "tstr_balanced_accuracy": plain(0.35),
                    "tstr_minus_trtr": limited(-0.07),
                }
            ),
        ),
        ("good", generator_scores(NO_NETWORK)),
        ("fair", generator_scores(NO_NETWORK | {"frechet_ratio_net": plain(9.0)})),
        ("poor", generator_scores(NO_NETWORK | {"frechet_ratio_net": plain(30.0)})),
    ],
)
def test_the_grade_follows_from_the_measures(grade, scores):
    assert generator_verdict(scores).grade == grade


def test_a_good_generator_is_told_with_its_numbers():
    verdict = generator_verdict(generator_scores())
    assert verdict.headline.startswith("The generator is good")
    assert "0.890 (0.880 to 0.900)" in verdict.sentences[0]
    assert "3.0 points less (-4.0 to -2.0)" in verdict.sentences[0]
    text = " ".join(verdict.sentences)
    for told in ("All 3 classes", "2.0 times the floor", "75%", "0.4% of the generated"):
        assert told in text


def test_a_poor_judge_is_named_first():
    verdict = generator_verdict(generator_scores({"trtr_balanced_accuracy": plain(0.5)}))
    assert "poor judge" in verdict.sentences[0]


def test_what_speaks_against_a_generator_is_said_first():
    verdict = generator_verdict(generator_scores(missing=CLASSES[:2]))
    assert verdict.sentences[0].startswith("2 of 3 classes are missing")
    assert CLASSES[0] in verdict.sentences[0]
    assert sum("classes are missing" in sentence for sentence in verdict.sentences) == 1
    failed = generator_verdict(generator_scores(findings=(finding("error"),)))
    assert "Samples became alike." in failed.sentences[0]
    copies = generator_verdict(generator_scores({"copies_net": limited(0.2)}))
    assert "repeats training samples" in copies.sentences[0]


def test_a_generator_without_classes_is_not_said_to_train_networks():
    verdict = generator_verdict(generator_scores(NO_NETWORK, is_conditional=False))
    assert "told no classes" in verdict.sentences[0]
    assert "nan" not in " ".join(verdict.sentences)


def test_the_worst_of_several_generators_stands_for_all():
    found = gan_verdict(
        gan_scores(generator_scores(), generator_scores(lost(0.3), fold=1), generator_scores())
    )
    assert found.grade == "poor"
    assert "fold 1" in found.sentences[-1]
    assert "1 of them" in found.sentences[-1]


@pytest.mark.parametrize(
    ("ratio", "told"),
    [
        (1.2, "about as near as real samples"),
        (1.9, "near, but farther than real samples"),
        (9.0, "recognisably apart"),
        (30.0, "far apart"),
    ],
)
def test_the_distance_is_told_in_words_of_its_own(ratio, told):
    scores = generator_scores({"frechet_ratio_net": plain(ratio)})
    assert told in distance_sentence(scores)
