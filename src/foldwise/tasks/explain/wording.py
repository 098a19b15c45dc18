"""What is said beside the pictures: how each is to be read, and how not."""

import math

from foldwise.data.samples import Modality
from foldwise.tasks.explain.config import Method
from foldwise.tasks.explain.findings import Findings, SanityStage

UNCHANGED, PARTLY = 0.9, 0.5  # rank correlation from which an attribution counts as such

_PARTS: dict[Modality, str] = {
    "image": "pixels",
    "series": "steps",
    "tokens": "tokens",
    "table": "columns",
}
_NOTHING: dict[Modality, str] = {
    "image": "a picture of the training part's mean colour",
    "series": "a series that stays at the training part's mean",
    "tokens": "no token at all",
    "table": "a row of means and unknown categories",
}
_HIDDEN: dict[Modality, str] = {
    "image": "a window is painted over with the mean colour",
    "series": "a stretch is put to the mean",
    "tokens": "a token is left out",
    "table": "a column is put to its mean, or to an unknown category",
}


def opening(findings: Findings) -> tuple[str, ...]:
    """Return what holds for all of the pictures, and what was left out."""
    if not findings.is_enabled:
        return ("The explanations are switched off (explain.enabled=false).",)
    asked = (
        "the first number that is predicted" if findings.is_regression else "the predicted class"
    )
    return (
        "Each sample is explained by the network of the fold that did not see it. What is "
        f"attributed says what the output for {asked} depends on in this network and for this "
        "sample: neither that the network is right, nor what causes what in the world.",
        *findings.notes,
    )


def attribution_note(findings: Findings) -> str:
    """Return how the colours are to be read, method by method."""
    kind, parts = findings.kind, _PARTS[findings.kind]
    sentences: dict[Method, str] = {
        "saliency": f"Saliency is the steepness of the output at the {parts}: where a small "
        "change would matter, not what was seen; it is noisy, so look at regions.",
        "integrated_gradients": f"Integrated gradients share out, over all {parts}, the "
        f"difference between the output and that for {_NOTHING[kind]}; what equals that cannot "
        "get any share, even if it matters.",
        "occlusion": f"Occlusion is how much the output falls when {_HIDDEN[kind]}; such inputs "
        "are unusual, and parts that can stand in for one another look unimportant.",
        "gradcam": "Grad-CAM shows regions as coarse as the last feature maps are, enlarged: its "
        "edges mean nothing.",
        "attention": "Attention is how the readout weighs the steps; states know of their "
        "neighbours, so a large weight is no proof that this very step mattered.",
    }
    used = findings.explained[0].attributions if findings.explained else {}
    colours = "Orange speaks for the output, blue against it; full colour is the largest part."
    return " ".join([colours, *(sentences[method] for method in used)])


def sanity_verdict(stages: tuple[SanityStage, ...]) -> str:
    """Return in words whether what is attributed depends on the weights."""
    value = stages[-1].correlation
    if math.isnan(value):
        return "undefined: with all weights drawn anew nothing is attributed"
    if value >= UNCHANGED:
        return "hardly changes: it does not explain this network"
    if value >= PARTLY:
        return "changes in part: much of it is the input itself, so read it with care"
    return "changes with the weights, as it has to"


SANITY_NOTE = (
    "The weights are drawn anew from the last layer to the first, and the same samples are "
    "explained again (Adebayo et al., 2018). An attribution that stays the same (near 1) shows "
    "the input and not what was learnt; one that falls is no proof that it is right. The control, "
    "edges of the picture, knows nothing of the network and stays at 1."
)
EMBEDDING_NOTE = (
    "Features before the last layer, of samples that this fold's network did not see. Ringed "
    "points are {ringed}. t-SNE keeps neighbours together: sizes of clusters and distances "
    "between them mean nothing, and other folds have other features."
)
FILTERS_NOTE = {
    "picture": "Each filter of the first convolution ({layer}): a strong answer where a patch "
    "looks like it; orange weighs positively, blue negatively. Filters that look like noise are "
    "often unused. Compare with the hand-made kernels.",
    "steps": "Each filter of the first convolution ({layer}) along the steps, a curve for each "
    "channel: a strong answer where a stretch looks like it. Where it lies does not matter.",
    "whole": "The weights of each unit of the first dense layer ({layer}): it sees the whole "
    "input at once, so each is a template that is tied to its place.",
}
GALLERY_NOTE = (
    "Kernels made by hand, and what each makes of the first sample: what a filter can do before "
    "anything is learnt."
)
MOTIFS_NOTE = (
    "Tokens at the places that a filter of the first layer answers to at least half as strongly "
    "as to any, in texts that the network did not see; letters are as high as the information "
    "they hold. The class is the one whose texts it answers to most, by so many standard "
    "deviations; filters were picked by that, which flatters it. What a filter finds may still "
    "speak for or against a class further on."
)
MAPS_NOTE = (
    "What layers make of {sample}: bright where a map is active; the most active maps are shown. "
    "Maps of one layer are each on their own scale."
)
MAXIMISED_NOTE = (
    "Images made to make a unit as active as possible, from noise: what it answers to, not what "
    "its class looks like."
)
DREAM_NOTE = (
    "A picture in which what one layer sees was made stronger (DeepDream): for the eye, no proof "
    "of anything."
)
IMPORTANCE_NOTE = (
    "How much {metric} falls when a column is shuffled among samples that the network did not "
    "see; mean over {networks} network(s), {repeats} shuffles each, t interval over folds. Of "
    "columns that say the same, each looks unimportant, since the other stands in for it."
)
