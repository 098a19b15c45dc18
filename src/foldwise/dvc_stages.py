"""Generates `dvc.yaml`, and that of the searches, from the registered pipelines and the catalogue.

The nodes of a journey that carry one tag are one DVC stage. What DVC has to know of a dataset
beyond its path stands in the catalogue, under `metadata: dvc`; see `DvcMetadata`.
"""

import argparse
import inspect
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml
from kedro.framework.project import pipelines, settings
from kedro.framework.startup import bootstrap_project
from kedro.io import CatalogConfigResolver
from kedro.pipeline import Pipeline

from foldwise.atomic import atomic_path
from foldwise.code_closure import source_closure
from foldwise.config import Config
from foldwise.errors import UserError

_ROOT = Path(__file__).resolve().parents[2]
_ENVIRONMENT = "base"
_HEADER = "# Generated from the pipelines and the catalogue by `make dvc`: change those instead.\n"
_IN_MEMORY = {"{default}": {"type": "MemoryDataset"}}
_PARAMETERS = "params:"
_TRAINING, _SEARCH = "train_", "search_"  # how the names of journeys begin
_SEARCHES = "searches"  # the folder of their own dvc.yaml


class StagesError(UserError):
    """The pipelines or the catalogue cannot be said in DVC's terms."""


class DvcMetadata(Config):
    """What a catalogue entry says to DVC."""

    metric: bool = False  # shown by `dvc metrics show`
    plot: dict[str, Any] | None = None  # how `dvc plots show` draws it; {} for an image
    persist: bool = False  # not removed before the stage runs, which takes up its work there
    also: tuple[str, ...] = ()  # names of the files that are written beside it


@dataclass(frozen=True)
class Project:
    """What stages are made from."""

    root: Path
    pipelines: Mapping[str, Pipeline]
    catalog: CatalogConfigResolver

    def paths(self, dataset: str) -> list[str]:
        """Return the files and folders of a dataset, from the root; none if it is in memory."""
        entry = self.catalog.resolve_pattern(dataset)
        path = entry.get("filepath", entry.get("path"))
        if path is None:
            return []
        first = PurePosixPath(path)
        return [str(first), *(str(first.with_name(n)) for n in self.metadata(dataset).also)]

    def metadata(self, dataset: str) -> DvcMetadata:
        """Return what the catalogue entry says to DVC."""
        metadata = self.catalog.resolve_pattern(dataset).get("metadata") or {}
        return DvcMetadata.of(**metadata.get("dvc", {}))

    def type(self, dataset: str) -> str:
        """Return the dotted name of the dataset's class."""
        return str(self.catalog.resolve_pattern(dataset)["type"])


def load_project(root: Path) -> Project:
    """Read the pipelines and the catalogue of `conf/base`, whatever other environments say."""
    bootstrap_project(root)
    arguments = {**settings.CONFIG_LOADER_ARGS, "default_run_env": _ENVIRONMENT}
    loader = settings.CONFIG_LOADER_CLASS(str(root / settings.CONF_SOURCE), **arguments)
    return Project(root, pipelines, CatalogConfigResolver(loader["catalog"], {}, _IN_MEMORY))


def dvc_yaml(project: Project) -> str:
    """Return the text of `dvc.yaml`."""
    return _HEADER + yaml.safe_dump({"stages": dvc_stages(project)}, sort_keys=False, width=99)


def searches_yaml(project: Project) -> str | None:
    """Return the text of `searches/dvc.yaml`; None where there is nothing to search."""
    stages = search_stages(project)
    if not stages:
        return None
    return _HEADER + yaml.safe_dump({"stages": stages}, sort_keys=False, width=99)


def dvc_stages(project: Project) -> dict[str, dict[str, Any]]:
    """Return the stages of all trainings by name; what journeys share is one stage.

    Raises:
        StagesError: See `stages_of`.
    """
    return stages_of(project, _journeys(project, _TRAINING))


def search_stages(project: Project) -> dict[str, dict[str, Any]]:
    """Return the stages of searches by name, but for those that trainings have as well.

    They have a file of their own, in a folder: `dvc repro` alone would search for hours for
    whoever wants to train.

    Raises:
        StagesError: See `stages_of`.
    """
    trainings, searches = (_journeys(project, prefix) for prefix in (_TRAINING, _SEARCH))
    known = stages_of(project, trainings)
    return {
        name: {"cmd": stage["cmd"], "wdir": "..", **stage}
        for name, stage in stages_of(project, {**trainings, **searches}).items()
        if name not in known
    }


def stages_of(project: Project, journeys: Mapping[str, Pipeline]) -> dict[str, dict[str, Any]]:
    """Return the stages of some journeys by name; what journeys share is one stage.

    Raises:
        StagesError: A node has no stage or several, a dataset between two stages is in memory, or
            two journeys mean different things by one name.
    """
    stages: dict[str, dict[str, Any]] = {}
    nodes: dict[str, list[str]] = {}
    for journey, pipeline in journeys.items():
        for tag, part in _by_tag(pipeline).items():
            name = _stage_name(project, journey, tag, part)
            found = sorted(node.name for node in part.nodes)
            if nodes.setdefault(name, found) != found:
                raise StagesError(
                    f"The stage {name!r} is made of {found} in the pipeline {journey!r}, but of "
                    f"{nodes[name]} in another: give one of them another tag."
                )
            if name not in stages:
                stages[name] = _stage(project, journey, tag, pipeline)
    return stages


def _journeys(project: Project, prefix: str) -> dict[str, Pipeline]:
    """Return the pipelines that are reproduced by name: those that train a family's networks.

    Or those that search for their parameters. The others are parts of them, or questions that are
    asked once, such as which remedy works: `dvc repro` would train for each of those as well.
    """
    return {name: p for name, p in project.pipelines.items() if name.startswith(prefix)}


def _by_tag(pipeline: Pipeline) -> dict[str, Pipeline]:
    for node in pipeline.nodes:
        if len(node.tags) != 1:
            raise StagesError(
                f"The node {node.name!r} must have one tag, the name of its stage, but it has "
                f"{sorted(node.tags)}."
            )
    tags = dict.fromkeys(tag for node in pipeline.nodes for tag in node.tags)
    return {tag: pipeline.only_nodes_with_tags(tag) for tag in tags}


def _stage_name(project: Project, journey: str, tag: str, part: Pipeline) -> str:
    """Name a stage after its tag, and its family too if it writes to folders of that name."""
    family = journey.rpartition("_")[2]
    folders = {
        folder
        for dataset in part.all_outputs()
        for path in project.paths(dataset)
        for folder in PurePosixPath(path).parts
    }
    is_of_family = any(f == family or f.startswith(f"{family}_") for f in folders)
    if not is_of_family or tag.endswith(f"_{family}"):
        return tag
    return f"{tag}_{family}"


def _stage(project: Project, journey: str, tag: str, pipeline: Pipeline) -> dict[str, Any]:
    part = pipeline.only_nodes_with_tags(tag)
    made_before = part.inputs() & pipeline.all_outputs()
    in_memory = sorted(dataset for dataset in made_before if not project.paths(dataset))
    if in_memory:
        raise StagesError(
            f"The stage {tag!r} of the pipeline {journey!r} reads {in_memory} of another stage, "
            "but the catalogue has no path for that."
        )
    written = {path for dataset in part.all_outputs() for path in project.paths(dataset)}
    # A folder that a stage both reads and writes is its own work to take up, no dependency.
    read = {path for dataset in part.inputs() for path in project.paths(dataset)} - written
    stage = {
        "cmd": f"kedro run --pipeline={journey} --tags={tag}",
        "deps": _code(project, part) + sorted(read),
        "params": _parameters(project, part),
        **_results(project, part),
    }
    return {key: value for key, value in stage.items() if value}


def _code(project: Project, part: Pipeline) -> list[str]:
    """Return the files of the project that the nodes and their datasets run, from the root."""
    modules = {inspect.unwrap(node.func).__module__ for node in part.nodes}
    datasets = {project.type(d) for d in part.datasets() if not d.startswith(_PARAMETERS)}
    sources = {file for name in modules | datasets for file in source_closure(name)}
    files = sources | {template for source in sources for template in _templates(source)}
    return sorted(file.relative_to(project.root).as_posix() for file in files)


def _templates(source: Path) -> list[Path]:
    """Return the templates beside a source file that it names."""
    text = source.read_text(encoding="utf-8")
    return [file for file in source.parent.glob("*.j2") if file.name in text]


def _parameters(project: Project, part: Pipeline) -> list[dict[str, list[str]]]:
    """Return the parameters that the nodes read, by the file that holds them."""
    by_file: dict[str, list[str]] = {}
    for dataset in sorted(part.inputs()):
        if dataset.startswith(_PARAMETERS):
            key = dataset.removeprefix(_PARAMETERS)
            by_file.setdefault(_parameters_file(project, key), []).append(key)
    return [{file: by_file[file]} for file in sorted(by_file)]


def _parameters_file(project: Project, key: str) -> str:
    top = re.compile(rf"^{re.escape(key.split('.')[0])}:", re.MULTILINE)
    folder = Path(project.root, settings.CONF_SOURCE, _ENVIRONMENT)
    files = sorted(folder.glob("parameters*.yml"))
    for file in files:
        if top.search(file.read_text(encoding="utf-8")):
            return file.relative_to(project.root).as_posix()
    raise StagesError(f"The parameter {key!r} is in none of {[file.name for file in files]}.")


def _results(project: Project, part: Pipeline) -> dict[str, list[Any]]:
    """Return what the nodes write, by what DVC does with it."""
    results: dict[str, list[Any]] = {"outs": [], "metrics": [], "plots": []}
    for dataset in part.all_outputs():
        metadata = project.metadata(dataset)
        kind = "metrics" if metadata.metric else "plots" if metadata.plot is not None else "outs"
        options = (metadata.plot or {}) | ({"persist": True} if metadata.persist else {})
        for path in project.paths(dataset):
            results[kind].append({path: options} if options else path)
    return {kind: sorted(found, key=_path_of) for kind, found in results.items()}


def _path_of(result: str | dict[str, Any]) -> str:
    return result if isinstance(result, str) else str(next(iter(result)))


def main(arguments: list[str] | None = None) -> int:
    """Write `dvc.yaml` and that of the searches, or say whether they are current.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(prog="python -m foldwise.dvc_stages", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail if it is stale")
    is_check = parser.parse_args(arguments).check
    project = load_project(_ROOT)
    texts = {_ROOT / "dvc.yaml": dvc_yaml(project)}
    of_searches = searches_yaml(project)
    if of_searches is not None:
        texts[_ROOT / _SEARCHES / "dvc.yaml"] = of_searches
    if not is_check:
        for file, text in texts.items():
            file.parent.mkdir(exist_ok=True)
            with atomic_path(file) as temporary:
                temporary.write_text(text, encoding="utf-8")
        return 0
    for file, text in texts.items():
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            sys.stderr.write(
                f"{file.relative_to(_ROOT)} is not what the pipelines say: run `make dvc` and "
                "commit it.\n"
            )
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
