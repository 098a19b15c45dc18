"""One self-contained HTML page about a search: what was found, and what that is worth, first."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from foldwise.tasks.figure_style import shown_name
from foldwise.tasks.fold_test_note import FOLD_TEST_NOTE
from foldwise.tasks.page import page_environment
from foldwise.tasks.report_section import ReportFigure, ReportSection, ReportTable
from foldwise.tasks.search import figures
from foldwise.tasks.search.axes import Axis, axes_of_record
from foldwise.tasks.search.rebuilt_study import choice_labels
from foldwise.tasks.search.result import best_trials, distinct_values
from foldwise.tasks.search.scores import SearchScores, mean_and_spread
from foldwise.tasks.search.study_figures import StudyFigures, study_figures
from foldwise.tasks.search.summary import (
    METHOD_NAMES,
    counts_text,
    inner_of,
    objective_label,
    outer_label,
    search_lines,
    show_difference,
    show_estimate,
    show_score,
)
from foldwise.tasks.search.trial import OUTER_METHODS, WINNER

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TEMPLATE = "search/search.html.j2"
_SHOWN_TRIALS = 20
_SHOWN_FAILURES = 20
_MAX_CELL = 48  # characters of a value in a table

_TITLES = {
    "history": "Score of each trial",
    "importances": "Importance of parameters",
    "slices": "Score against each parameter",
    "contour": "The two that matter most",
    "parallel": "Trials as lines through their parameters",
    "front": "Trials that no other one beats",
    "curves": "Curves as the pruner has seen them",
    "coverage": "Values that were tried",
}
_FIGURE_NOTES = {
    "history": "",
    "importances": "By PED-ANOVA (Watanabe et al. 2023): how much of what tells the best trials "
    "from the others each parameter explains. Of few trials a rough guide.",
    "slices": "One dot for each completed trial; later trials are darker.",
    "contour": "Between trials (dots) the score is interpolated: no more than a guess.",
    "parallel": "One line for each completed trial; better ones are darker. None: the parameter "
    "does not exist there.",
    "front": "",
    "curves": "The parts of a trial are fitted one after another; a value is the mean over the "
    "parts so far at that epoch, so the curve begins anew with each part.",
    "coverage": "As in figure 1 of Bergstra and Bengio (2012): a grid sees few values of each "
    "axis however many trials it has, random points see a new one with every trial.",
}


def render_search(
    scores: SearchScores,
    best: str,
    *,
    provenance: Mapping[str, Mapping[str, Any]],
) -> str:
    """Return the page: it needs no network, no script and no other file.

    Args:
        scores: The search.
        best: The best parameters as YAML.
        provenance: Heading -> name -> value, for whoever wants to get the same figures again.
    """
    lines = search_lines(scores)
    verdict = [line for line in lines if line not in scores.notes]
    return (
        page_environment()
        .get_template(_TEMPLATE)
        .render(
            title=f"Search for parameters: {scores.family}",
            verdict=verdict,
            notes=scores.notes,
            best=best,
            command=_training_command(scores.family),
            sections=search_sections(scores),
            provenance=provenance,
        )
    )


def search_sections(scores: SearchScores) -> list[ReportSection]:
    """Return the sections of the page."""
    drawn = study_figures(scores)
    sections = [
        _worth_section(scores),
        _trials_section(scores, drawn),
        _importance_section(drawn),
        _where_section(drawn),
        _coverage_section(scores, drawn),
        _failures_section(scores),
        _again_section(scores),
    ]
    return [section for section in sections if section is not None]


def _training_command(family: str) -> str:
    return f"kedro run --pipeline=train_{family} --params train_{family}.use_best=true"


def _worth_section(scores: SearchScores) -> ReportSection:
    label = outer_label(scores)
    percent = f"{scores.confidence:.0%}"
    methods = [method for method in OUTER_METHODS if method in scores.outer]
    parts = list(scores.outer[WINNER])
    names = {"oof": "outer folds", "test": "held-out test"}
    rows = []
    for method in methods:
        found = scores.outer[method]
        cells = [show_estimate(found[part]) if part in found else "" for part in parts]
        mean, spread = mean_and_spread(scores.folds[method].to_numpy())
        folds = show_score(mean) + ("" if spread is None else f" ± {show_score(spread)}")
        rows.append((METHOD_NAMES[method], *cells, folds))
    columns = ("parameters", *(f"{label}, {names[part]}" for part in parts), "folds: mean ± sd")
    how = sorted({scores.outer[method]["oof"].method for method in methods})
    outer = ReportTable("", columns, tuple(rows), f"{percent} intervals: {', '.join(how)}.")
    by_fold = ReportTable(
        "Fold by fold",
        ("fold", *(METHOD_NAMES[method] for method in methods)),
        tuple(
            (
                f"{row['fold']}" if row["repeat"] == 0 else f"{row['repeat']}, {row['fold']}",
                *(show_score(row[method]) for method in methods),
            )
            for row in scores.folds.reset_index().to_dict("records")
        ),
        "Repeat and fold." if scores.folds.index.get_level_values("repeat").max() else "",
    )
    facts = []
    if scores.difference is not None:
        told = f"{show_difference(scores.difference)}, {scores.difference_method}"
        facts.append(("best parameters less defaults", told))
    if scores.optimism is not None:
        facts.append(("inner less outer score", show_difference(scores.optimism)))
    return ReportSection(
        "worth",
        "What it is worth",
        (
            "The best parameters and the defaults were each trained once on every outer fold, "
            f"after the search. Differences are tested over folds. {FOLD_TEST_NOTE}",
        ),
        (outer, by_fold),
        facts=tuple(facts),
    )


def _trials_section(scores: SearchScores, drawn: StudyFigures) -> ReportSection:
    tables = (_studies_table(scores), _best_table(scores))
    found = _figures(drawn, ("history", "front", "curves"))
    return ReportSection("trials", "Trials", (), tables, found)


def _studies_table(scores: SearchScores) -> ReportTable:
    rows = []
    for study in scores.record["studies"]:
        share = study["saved_share"]
        rows.append(
            (
                str(study["name"]),
                str(sum(study["counts"].values())),
                counts_text(study["counts"]),
                inner_of(study),
                f"{study['num_parts']}",
                f"{study['num_epochs']}",
                "undefined" if share is None else f"{share:.0%}",
                f"{study['seconds']:,.0f}",
            )
        )
    columns = ("study", "trials", "of these", "best, inner", "fits of a trial", "epochs",
               "saved by pruning", "seconds")  # fmt: skip
    return ReportTable("Studies", columns, tuple(rows))


def _best_table(scores: SearchScores) -> ReportTable:
    main, axes = scores.main, axes_of_record(scores.record)
    best = best_trials(scores.main_trials, main["objectives"], main["directions"])
    shown = best.head(_SHOWN_TRIALS)
    used = [axis for axis in axes if shown[axis.path].notna().any()]
    texts = {axis.path: _texts(axis, shown[axis.path]) for axis in used}
    rows = [
        (
            str(row["number"]),
            *(show_score(row[name]) for name in main["objectives"]),
            *(texts[axis.path][position] for axis in used),
            str(row["num_epochs"]),
            f"{row['seconds']:.1f}",
        )
        for position, row in enumerate(shown.to_dict("records"))
    ]
    columns = ("trial", *map(objective_label, main["objectives"]), *(a.label for a in used),
               "epochs", "seconds")  # fmt: skip
    count = f"the best {len(shown)} of {len(best)} completed" if len(best) > len(shown) else "all"
    return ReportTable(f"Trials, best first: {count}", columns, tuple(rows),
                       "An empty cell: the parameter does not exist there.")  # fmt: skip


def _texts(axis: Axis, cells: pd.Series) -> list[str]:
    def text(cell: Any) -> str:  # noqa: ANN401  (a cell of a table)
        if pd.isna(cell):
            return ""
        if axis.kind == "float":
            return f"{cell:.4g}"
        if isinstance(cell, str) and axis.as_json:
            return str(choice_labels([cell])[cell])
        shown = str(cell)
        return shown if len(shown) <= _MAX_CELL else f"{shown[: _MAX_CELL - 1]}…"

    return [text(cell) for cell in cells]


def _importance_section(drawn: StudyFigures) -> ReportSection | None:
    found = figures.importances(drawn.study)
    if not found:
        return None
    first = ", ".join(
        f"{shown_name(name)} ({value:.0%})" for name, value in list(found.items())[:3]
    )
    text = f"Most of what tells good trials from others: {first}."
    return ReportSection(
        "importances", "What matters", (text,), (), _figures(drawn, ("importances",))
    )


def _where_section(drawn: StudyFigures) -> ReportSection | None:
    found = _figures(drawn, ("slices", "contour", "parallel"))
    return ReportSection("where", "Where good values are", (), (), found) if found else None


def _coverage_section(scores: SearchScores, drawn: StudyFigures) -> ReportSection | None:
    found = _figures(drawn, ("coverage",))
    if not found:
        return None
    axes = axes_of_record(scores.record)
    counts = distinct_values(scores.main_trials, axes)
    most = max(axes, key=lambda axis: counts[axis.path])
    text = (
        f"{len(scores.main_trials)} trials ({scores.record['sampler']}) have tried "
        f"{counts[most.path]} distinct values of {most.label}, more of no other axis."
    )
    return ReportSection("coverage", "What was tried", (text,), (), found)


def _failures_section(scores: SearchScores) -> ReportSection | None:
    failed = scores.trials[scores.trials["state"].isin(["failed", "lost"])]
    if failed.empty:
        return None
    groups = failed.fillna({"error": "no error was told"}).groupby("error", sort=False)
    rows = []
    for error, members in groups:
        numbers = ", ".join(str(number) for number in members["number"].head(8))
        more = " ..." if len(members) > 8 else ""
        rows.append((str(len(members)), numbers + more, str(error)))
    rows.sort(key=lambda row: -int(row[0]))
    table = ReportTable("", ("trials", "numbers", "error"), tuple(rows[:_SHOWN_FAILURES]))
    text = "A trial that fails is recorded with its error, and the search goes on."
    return ReportSection("failures", "Failures", (text,), (table,))


def _again_section(scores: SearchScores) -> ReportSection:
    record, main = scores.record, scores.main
    family = scores.family
    run = f"kedro run --pipeline=search_{family}"
    num_trials = record["n_trials"]
    facts = (
        ("sampler", str(record["sampler"])),
        ("pruner", str(record["pruner"])),
        ("seed", str(record["seed"])),
        ("storage", str(record["storage"])),
        ("study", str(main["name"])),
        ("trials wanted", str(num_trials)),
        ("scored on", f"the training parts of {len(main['folds'])} outer folds, in "
                      f"{main['num_parts']} fits of a trial"),
    )  # fmt: skip
    texts = (
        f"The same command goes on where the search was interrupted: {run}. More trials: add "
        f"--params search_{family}.n_trials={2 * num_trials}; those that are done stay. Several "
        f"machines with one database as search_{family}.storage share the trials.",
        "make dashboard shows the study while it runs, on 127.0.0.1.",
    )
    return ReportSection("again", "How to go on", texts, facts=facts)


def _figures(drawn: StudyFigures, names: Sequence[str]) -> tuple[ReportFigure, ...]:
    """Return the figures that there are; each is drawn once."""
    found = []
    for name in names:
        figure = drawn.draw[name]()
        if figure is not None:
            found.append(
                ReportFigure(_TITLES[name], _given(figure), _FIGURE_NOTES[name], _TITLES[name])
            )
    return tuple(found)


def _given(figure: "Figure") -> "Any":  # noqa: ANN401  (a function without arguments)
    return lambda: figure
