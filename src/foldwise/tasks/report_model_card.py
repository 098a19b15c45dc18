"""The section of the report that sums up the networks: facts only, as in a model card.

After Mitchell et al. 2019, "Model Cards for Model Reporting", without what only their user can
say: what they are meant for.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from foldwise.tasks.page import facts
from foldwise.tasks.report_section import ReportSection
from foldwise.tasks.report_verdict import Gravity, Risk

# Of the network; not on the page.
_DETAILS = ("layers", "flops", "weights_per_first_neuron", "dense_weights_per_neuron")
_GRAVITIES = {
    Gravity.SCORE: "the score may be too good",
    Gravity.MEANING: "the score may not hold for all, or elsewhere",
    Gravity.USE: "use",
}
_MAX_LIMITS = 20


def model_card_section(
    network: Mapping[str, Any],
    *,
    data: str,
    validation: str,
    scores: Sequence[str],
    risks: Sequence[Risk],
) -> ReportSection:
    """Return what the networks are, what they were fitted on, how they score and their limits.

    Args:
        network: Facts about the networks, shown as they are, but for details; none where the
            predictions come from elsewhere.
        data: What they were fitted on, in a sentence.
        validation: How the scores were found, in a sentence.
        scores: One line per score.
        risks: What was found against the scores.
    """
    named = {"architecture": network.get("name"), **network}
    known = facts({k: v for k, v in named.items() if k not in (*_DETAILS, "name")})
    limits = [
        (f"limit ({_GRAVITIES[risk.gravity]})", f"{_capital(risk.text)} Found by {risk.source}.")
        for risk in sorted(risks, key=lambda risk: -risk.gravity)[:_MAX_LIMITS]
    ]
    left_out = len(risks) - len(limits)
    if left_out > 0:
        limits.append(("further limits", f"{left_out}, of the least gravity, are left out."))
    limits.append(
        (
            "limit of every such score",
            "It holds for samples drawn as these were: of other sources, devices, times or groups "
            "of people nothing is known from it.",
        )
    )
    about = "Facts only. What the networks are meant for, and what for not, is their owner's word."
    if network:
        about = f"{about} Operations are of one sample."
    else:
        about = f"{about} Nothing is known of the networks themselves: only predictions are here."
    return ReportSection(
        "model-card",
        "Model card",
        (about,),
        facts=(
            *known,
            *([("fitted on", data)] if network else []),
            ("validated by", validation),
            *(("score", score) for score in scores),
            *limits,
        ),
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
