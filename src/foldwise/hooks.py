"""Kedro wiring: parameters are checked, trainings observed, runs tracked."""

import atexit
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import mlflow
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.framework.project import pipelines
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline
from kedro.validation.type_extractor import TypeExtractor
from kedro_mlflow.framework.hooks.mlflow_hook import MlflowHook
from mlflow.entities import RunStatus
from pydantic import ValidationError
from rich.console import Console

from foldwise import tracking
from foldwise.atomic import one_at_a_time
from foldwise.config import Config, Scalar, flatten, json_hash, unknown_names_message
from foldwise.data.folds import Folds
from foldwise.data.samples import Samples
from foldwise.datasets.run_models_dataset import MODELS_PATH_TAG
from foldwise.errors import UserError
from foldwise.gan_runs import GanRuns
from foldwise.parameter_errors import explain
from foldwise.run_facts import run_facts
from foldwise.search_runs import SearchRuns
from foldwise.search_spaces import require_searchable
from foldwise.tasks.compare_scores import Comparison, comparison_metrics
from foldwise.tasks.compare_summary import comparison_lines, comparison_table
from foldwise.tasks.drawn_samples import DrawnSamples
from foldwise.tasks.evaluate import Evaluation
from foldwise.tasks.evaluate_regression import RegressionEvaluation
from foldwise.tasks.evaluation_summary import summary_lines, summary_table
from foldwise.tasks.events import TrainingEvent
from foldwise.tasks.fold_models import FoldModels
from foldwise.tasks.gan_scores import GanScores
from foldwise.tasks.gan_verdict import gan_verdict
from foldwise.tasks.progress import ProgressDisplay
from foldwise.tasks.search.hidden_password import hide_password
from foldwise.tasks.search.scores import SearchScores
from foldwise.tasks.search.summary import search_lines, search_table
from foldwise.use_best import use_best

_EXPERIMENT = "experiment"
_EXPERIMENT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class ParametersHook:
    """Refuses parameters that no node would read, before any node runs."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Check all names and values, as Kedro would later, but tell of them in the user's words.

        Raises:
            UserError: A name is unknown, a value is not allowed, or the experiment's name is no
                plain name.
        """
        parameters = context.config_loader["parameters"]
        known = {_EXPERIMENT} | {
            name.removeprefix("params:").split(".")[0]
            for pipeline in pipelines.values()
            for name in pipeline.inputs()
            if name.startswith("params:")
        }
        unknown = [str(name) for name in parameters if name not in known]
        if unknown:
            raise UserError(unknown_names_message(unknown, sorted(known)))
        of_environment = context.config_loader["globals"].get(_EXPERIMENT, "digits")
        experiment = parameters.get(_EXPERIMENT, of_environment)
        if not isinstance(experiment, str) or not _EXPERIMENT_NAME.fullmatch(experiment):
            raise UserError(
                f"experiment is {experiment!r}, but it names folders: allowed are 1 to 64 "
                "letters, digits, '-' and '_', the first a letter or a digit, and no number, yes, "
                "no, on, off or null."
            )
        wrong = [line for name, kind in _typed() for line in _explained(name, kind, parameters)]
        if wrong:
            raise UserError("\n".join(wrong))
        self._context = context

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], catalog: DataCatalog) -> None:
        """Put what a search has found in place, before anything reads or tracks parameters.

        Raises:
            UserError: Nothing has been found yet, or a search can leave what is allowed.
        """
        project = Path(self._context.project_path)
        use_best(run_params, catalog, self._context.config_loader, project)
        require_searchable(run_params, catalog)


def _typed() -> Iterator[tuple[str, type[Config]]]:
    """Yield the name and the type of every parameter object that a node takes."""
    types = TypeExtractor(dict(pipelines)).extract_types_from_pipelines()
    for name, kind in types.items():
        if isinstance(kind, type) and issubclass(kind, Config):
            yield name, kind


def _explained(name: str, kind: type[Config], parameters: Mapping[str, Any]) -> list[str]:
    given = parameters.get(name, {})
    try:
        kind.model_validate(given)
    except ValidationError as error:
        return explain(error, name, given)
    return []


class ObserverHook:
    """Gives training nodes their observer: whoever listens at the time of the event."""

    @hook_impl
    def after_catalog_created(self, catalog: DataCatalog) -> None:
        """Put the observer where training nodes read it."""
        catalog["observer"] = MemoryDataset(_notify, copy_mode="assign")

    @hook_impl
    def before_pipeline_run(self) -> None:
        """Start a display of its own for this run."""
        _LISTENERS[ObserverHook.__name__] = ProgressDisplay()


_LISTENERS: dict[str, Any] = {}  # by hook; one pipeline runs at a time in a process


def _notify(event: TrainingEvent) -> None:
    for listener in _LISTENERS.values():
        listener(event)


def _describe(lines: list[str]) -> None:
    """Write lines into the description of the run."""
    mlflow.set_tag("mlflow.note.content", "\n".join(f"- {line}" for line in lines))


def _print_list(console: Console, lines: Iterable[str]) -> None:
    for line in lines:
        console.print(f"- {line}", highlight=False, markup=False)


def _without_passwords(value: Any) -> Any:  # noqa: ANN401  (what was typed)
    """Return what a run was given, with the passwords of addresses hidden."""
    if isinstance(value, Mapping):
        return {name: _without_passwords(item) for name, item in value.items()}
    is_address = isinstance(value, str) and "://" in value
    return hide_password(value) if is_address else value


def _verdict(scores: GanScores) -> tuple[str, ...]:
    verdict = gan_verdict(scores)
    return verdict.headline, *verdict.sentences


class TrackingHook(MlflowHook):
    """One Kedro run is one MLflow run with its methods and folds below; parameters by name."""

    def __init__(self) -> None:
        super().__init__()
        self._params: dict[str, Scalar] = {}
        self._has_samples = False
        self._evaluation: Evaluation | RegressionEvaluation | None = None
        self._comparison: Comparison | None = None
        self._gan_scores: GanScores | None = None
        self._search_scores: SearchScores | None = None
        self._pages: list[str] = []
        self._already_active_mlflow = False

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Keep the context: the store is opened when a pipeline runs, not when one looks."""
        self._context = context
        self._project = Path(context.project_path)

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Open the store and the run.

        Raises:
            TrackingError: The tracking server does not answer.
        """
        config = self._context.config_loader["mlflow"]
        uri = config["server"]["mlflow_tracking_uri"]
        self._experiment_name = config["tracking"]["experiment"]["name"]
        tracking.require_server(uri)
        self._leave_run()  # Ctrl-C in a notebook leaves the last one open
        with one_at_a_time(self._project):
            tracking.prepare_store(uri, self._experiment_name, self._project)
            super().after_context_created(self._context)
        self._catalog, self._params = catalog, {}
        run_params = _without_passwords(run_params)  # as tags, and on pages
        facts = run_facts(self._project, run_params, catalog)
        catalog["run_facts"] = MemoryDataset(facts, copy_mode="assign")
        self._has_samples, self._pages = False, []
        self._evaluation = self._comparison = self._gan_scores = self._search_scores = None
        super().before_pipeline_run(run_params, pipeline, catalog)
        self._client = self.mlflow_config.server._mlflow_client
        # A run that was open before (an orchestrator's) may belong to another experiment.
        experiment_id = self._client.get_run(self.run_id).info.experiment_id
        self._experiment = self._client.get_experiment(experiment_id)
        tracking.close_orphans(self._client, self._experiment)
        mlflow.set_tags(tracking.run_tags(self._project, self._experiment_name))
        run = self._client, self._experiment.experiment_id, self.run_id
        self._runs, self._generators = tracking.MethodRuns(*run), GanRuns(*run)
        _LISTENERS[TrackingHook.__name__] = self._runs
        _LISTENERS[GanRuns.__name__] = self._generators
        _LISTENERS[SearchRuns.__name__] = SearchRuns(*run)
        atexit.register(self._leave_run)

    @hook_impl
    def after_node_run(self, inputs: dict[str, Any], outputs: dict[str, Any]) -> None:
        """Tag the run with the hashes of what it read or made."""
        for value in [*inputs.values(), *outputs.values()]:
            if isinstance(value, Samples) and not self._has_samples:
                self._has_samples = True
                mlflow.set_tag("samples.hash", value.content_hash)
                tracking.log_samples(value, self._experiment_name)
            elif isinstance(value, Folds):
                mlflow.set_tag("folds.hash", value.content_hash)
            elif isinstance(value, Evaluation | RegressionEvaluation) and self._evaluation is None:
                self._evaluation = value
                _describe(summary_lines(value))
                self._log_fold_scores(value)
            elif isinstance(value, Comparison) and self._comparison is None:
                self._comparison = value
                _describe(comparison_lines(value))
                self._log_methods(value)
            elif isinstance(value, GanScores) and self._gan_scores is None:
                self._gan_scores = value
                _describe(list(_verdict(value)))
                self._log_generators(value)
            elif isinstance(value, SearchScores) and self._search_scores is None:
                self._search_scores = value
                _describe(search_lines(value))

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any) -> None:  # noqa: ANN401
        """Log what the catalogue marks for MLflow, and where trained networks lie."""
        if isinstance(data, FoldModels):
            mlflow.set_tag(MODELS_PATH_TAG, str(data.root.resolve()))
        elif isinstance(data, DrawnSamples):
            mlflow.set_tag("generator.sha256", str(data.facts["weights_sha256"]))
        dataset = self._catalog.get(dataset_name)
        marks = (getattr(dataset, "metadata", None) or {}).get("mlflow", {})
        if "artifact" in marks:
            path = str(dataset._filepath)  # type: ignore[union-attr]  # all file datasets have it
            mlflow.log_artifact(path, artifact_path=marks["artifact"])
            if path.endswith(".html"):
                self._pages.append(path)
        if marks.get("metrics"):
            mlflow.log_metrics(tracking.numeric_leaves(data))

    @hook_impl
    def after_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """End the run, show the scores, and tell where to look at them."""
        mlflow.set_tag("params.hash", json_hash(self._params))
        super().after_pipeline_run(run_params, pipeline, catalog)
        # kedro-mlflow enters the run again before every node, but leaves it once.
        while not self._already_active_mlflow and self._is_active():
            mlflow.end_run()
        address = tracking.run_address(
            self.mlflow_config.server.mlflow_tracking_uri,
            self._experiment.experiment_id,
            self.run_id,
        )
        # soft_wrap: an address that is cut into lines cannot be clicked
        console = Console(soft_wrap=True)
        if self._evaluation is not None:
            console.print(summary_table(self._evaluation))
        if self._comparison is not None:
            console.print(comparison_table(self._comparison))
        if self._gan_scores is not None:
            _print_list(console, _verdict(self._gan_scores))
        if self._search_scores is not None:
            console.print(search_table(self._search_scores))
            _print_list(console, search_lines(self._search_scores))
        for page in self._pages:
            shown = os.path.relpath(page, self._project)
            console.print(f"Report: {shown}", highlight=False, markup=False)
        console.print(f"This run in the MLflow UI (make ui): {address}", highlight=False)

    def _log_fold_scores(self, evaluation: Evaluation | RegressionEvaluation) -> None:
        for record in evaluation.parts["oof"].models.to_dict("records"):
            key = int(record.pop("repeat")), int(record.pop("fold"))
            scores = {str(name): value for name, value in record.items()}
            self._runs.folds.log_metrics(key, tracking.numeric_leaves(scores))

    def _log_generators(self, scores: GanScores) -> None:
        mlflow.log_metrics(tracking.numeric_leaves(scores.means()))
        for generator in scores.generators:
            metrics = {name: found._asdict() for name, found in generator.metrics.items()}
            key = generator.repeat, generator.fold
            self._generators.log_metrics(key, tracking.numeric_leaves(metrics))

    def _log_methods(self, comparison: Comparison) -> None:
        metrics = comparison_metrics(comparison)
        for method in comparison.methods:
            self._runs.log_metrics(method, tracking.numeric_leaves(metrics[method]))
        for record in comparison.fold_scores.to_dict("records"):
            method, seed = str(record.pop("method")), int(record.pop("seed"))
            key = int(record.pop("repeat")), int(record.pop("fold"))
            scores = {str(name): value for name, value in record.items()}
            self._runs.log_fold_metrics(method, seed, key, tracking.numeric_leaves(scores))

    def _log_param(self, name: str, value: Any) -> None:  # noqa: ANN401  (kedro-mlflow's contract)
        flat = value.flat(name) if isinstance(value, Config) else flatten({name: value})
        new = {key: item for key, item in flat.items() if key not in self._params}
        self._params |= new
        tracking.log_params(self._client, self.run_id, new)

    def _leave_run(self) -> None:
        # Kedro tells its hooks of errors, but not of Ctrl-C: MLflow would call the run finished.
        # It holds the same run once for every node, because kedro-mlflow starts it before each.
        # It is not ours to end if it was open before.
        while not self._already_active_mlflow and self._is_active():
            mlflow.end_run(RunStatus.to_string(RunStatus.KILLED))

    def _is_active(self) -> bool:
        run = mlflow.active_run()
        return run is not None and run.info.run_id == self.run_id
