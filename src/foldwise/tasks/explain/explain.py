"""From trained networks to what they look at and what they have learnt."""

from collections import Counter
from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd

from foldwise.data.folds import Folds
from foldwise.data.preprocessing import ImagePreprocessing
from foldwise.data.samples import Modality, Samples
from foldwise.models.kernel_gallery import filtered, kernel_gallery
from foldwise.models.parts import PartError
from foldwise.tasks.explain.attributed_input import attributed_input
from foldwise.tasks.explain.attributions import Question, attribute
from foldwise.tasks.explain.chosen_samples import ExplainError, choose_samples, find_sample
from foldwise.tasks.explain.config import ExplainConfig, Method
from foldwise.tasks.explain.dream import dream
from foldwise.tasks.explain.embedding_map import choose_fold, embedding_map, fold_rows
from foldwise.tasks.explain.explained_sample import explain_sample, explained_output
from foldwise.tasks.explain.feature_maps import feature_maps
from foldwise.tasks.explain.filters import first_filters
from foldwise.tasks.explain.findings import (
    Array,
    ChosenSample,
    EmbeddingMap,
    Explained,
    FeatureMaps,
    Findings,
    Importances,
    MadeImage,
    Motif,
    Sanity,
    SanityStage,
)
from foldwise.tasks.explain.layers import find_layer, last_maps, layer_outputs
from foldwise.tasks.explain.maximise import maximise_units
from foldwise.tasks.explain.methods import choose_methods
from foldwise.tasks.explain.motifs import find_motifs
from foldwise.tasks.explain.open_network import OpenNetwork, checked_cards, open_network
from foldwise.tasks.explain.permutation import permutation_importances
from foldwise.tasks.explain.sanity import sanity_check
from foldwise.tasks.fold_models import FoldModels

_MOST_TEXTS = 500  # that motifs are looked for in
CONTROL = "edges"  # an attribution that knows nothing of the network


def explain(
    models: FoldModels,
    samples: Samples,
    folds: Folds,
    predictions: pd.DataFrame,
    config: ExplainConfig,
) -> Findings:
    """Look into the networks of a family; each sample is looked at by one that did not see it.

    Args:
        models: The networks.
        samples: The samples.
        folds: Their folds.
        predictions: The predictions table of these networks.
        config: What is looked at, and how.

    Raises:
        ExplainError: A sample, layer, unit or fold does not exist, or a method does not fit.
        ModelError: There is no network, or it was trained on other samples or folds.
    """
    if not config.enabled:
        return Findings(samples.modality, is_enabled=False)
    return _Explanation(models, samples, folds, predictions, config).findings(samples.modality)


class _Explanation:
    """What all questions share: networks that are opened once, and the samples."""

    def __init__(
        self,
        models: FoldModels,
        samples: Samples,
        folds: Folds,
        predictions: pd.DataFrame,
        config: ExplainConfig,
    ) -> None:
        self._models, self._samples, self._predictions = models, samples, predictions
        self._config = config
        self._cards = checked_cards(models, samples, folds)
        self._opened: dict[tuple[int, int], OpenNetwork] = {}
        self._notes: list[str] = []

    def findings(self, kind: Modality) -> Findings:
        """Return all of them."""
        chosen = choose_samples(self._predictions, self._samples, self._config)
        methods = self._methods(chosen)
        explained = tuple(
            explain_sample(self._network(s), self._samples, s, methods, self._config)
            for s in chosen
        )
        embedding, first = self._embedding(), self._first()
        maximised, dreamt = self._made(chosen)
        motifs = self._motifs(kind)
        filters = first_filters(first, kind)
        if filters is None and not motifs:
            self._notes.append("The first layer has no filters that could be looked at.")
        return Findings(
            kind,
            explained,
            filters,
            motifs,
            self._feature_maps(chosen),
            maximised,
            dreamt,
            embedding,
            self._importances(kind, explained),
            self._sanity(kind, chosen, methods),
            not self._samples.classes,
            tuple(feature.name for feature in self._samples.features),
            tuple(self._notes),
        )

    def _first(self) -> OpenNetwork:
        """Return the network of the fold that maps are made of."""
        fold = choose_fold([k for r, k in self._cards if r == 0], self._config.embedding)
        return self._open(0, fold)

    def _network(self, sample: ChosenSample) -> OpenNetwork:
        return self._open(sample.repeat, sample.fold)

    def _open(self, repeat: int, fold: int) -> OpenNetwork:
        if (repeat, fold) not in self._opened:
            self._opened[repeat, fold] = open_network(self._models, repeat, fold)
        return self._opened[repeat, fold]

    def _methods(self, chosen: Sequence[ChosenSample]) -> tuple[Method, ...]:
        if not chosen:
            self._notes.append("No sample was chosen, so that nothing is attributed.")
            return ()
        opened = self._network(chosen[0])
        example = attributed_input(opened, self._samples, chosen[0].row)
        methods, notes = choose_methods(opened.network, example, self._config)
        self._notes += notes
        return methods

    def _embedding(self) -> EmbeddingMap | None:
        settings = self._config.embedding
        if not settings.enabled:
            return None
        try:
            found = embedding_map(
                self._first(), self._samples, self._predictions, settings, self._config.seed
            )
        except PartError as error:
            self._notes.append(f"There is no map of features: {error}")
            return None
        if found is None:
            self._notes.append("There is no map of features: the fold has under three samples.")
        return found

    def _motifs(self, kind: Modality) -> tuple[Motif, ...]:
        if kind != "tokens":
            return ()
        opened = self._first()
        rows = fold_rows(self._predictions, 0, opened.card.fold)["sample_id"].astype(object)
        texts = self._samples.positions(rows)[:_MOST_TEXTS]
        return find_motifs(opened, self._samples, texts)

    def _sample_of(
        self, sample_id: str | None, chosen: Sequence[ChosenSample], parameter: str
    ) -> ChosenSample | None:
        if sample_id is not None:
            return find_sample(sample_id, self._predictions, self._samples, parameter)
        return chosen[0] if chosen else None

    def _feature_maps(self, chosen: Sequence[ChosenSample]) -> tuple[FeatureMaps, ...]:
        settings = self._config.feature_maps
        sample = self._sample_of(settings.sample, chosen, "explain.feature_maps.sample")
        if not settings.enabled or sample is None:
            return ()
        opened = self._network(sample)
        given = attributed_input(opened, self._samples, sample.row)
        return feature_maps(opened.network, given, sample.sample_id, settings)

    def _made(
        self, chosen: Sequence[ChosenSample]
    ) -> tuple[tuple[MadeImage, ...], tuple[MadeImage, ...]]:
        """Return images that maximise units, and a dream, where they are asked for."""
        settings = self._config.maximise, self._config.dream
        if not any(wanted.enabled for wanted in settings):
            return (), ()
        self._require_pictures()
        maximise, dreaming = settings
        maximised: tuple[MadeImage, ...] = ()
        if maximise.enabled:
            maximised = maximise_units(self._first(), maximise, self._config.seed)
        sample = self._sample_of(dreaming.sample, chosen, "explain.dream.sample")
        if not dreaming.enabled or sample is None:
            return maximised, ()
        opened = self._network(sample)
        image = attributed_input(opened, self._samples, sample.row).inputs
        outputs = layer_outputs(opened.network, image)
        layer = last_maps(opened.network, outputs)
        if dreaming.layer is not None:
            layer = find_layer(opened.network, outputs, dreaming.layer, "explain.dream.layer")
        if layer is None:
            raise ExplainError(
                "explain.dream is on, but the network has no maps of features to dream of. Name "
                "a layer: explain.dream.layer=..."
            )
        return maximised, dream(opened, image, layer, dreaming, self._config.seed)

    def _require_pictures(self) -> None:
        preprocessing = self._first().card.preprocessing
        if not isinstance(preprocessing, ImagePreprocessing) or preprocessing.layout != "maps":
            raise ExplainError(
                "explain.maximise and explain.dream make pictures, for networks of convolutions "
                "over pictures (train_cnn), but this network takes something else. Switch them "
                "off: explain.maximise.enabled=false, explain.dream.enabled=false."
            )

    def _importances(self, kind: Modality, explained: Sequence[Explained]) -> Importances | None:
        settings = self._config.permutation
        if kind != "table" or not settings.enabled:
            return None
        columns = np.arange(len(self._samples.features))
        if len(columns) > settings.max_columns:
            strength = np.zeros(len(columns))
            for one in explained:
                found = one.attributions.get("integrated_gradients")
                strength += 0 if found is None else np.abs(found)
            columns = np.sort(np.argsort(-strength, kind="stable")[: settings.max_columns])
        return permutation_importances(
            self._models,
            self._of_whole_repeats(settings.max_networks),
            self._samples,
            self._predictions,
            columns.tolist(),
            settings,
            self._config.seed,
        )

    def _of_whole_repeats(self, most: int) -> list[tuple[int, int]]:
        """Return the networks of the first repeats, of at least one."""
        num_folds = sum(repeat == 0 for repeat, _ in self._cards)
        num_repeats = max(1, most // num_folds)
        return [key for key in sorted(self._cards) if key[0] < num_repeats]

    def _sanity(
        self, kind: Modality, chosen: Sequence[ChosenSample], methods: Sequence[Method]
    ) -> Sanity | None:
        settings = self._config.sanity
        if not settings.enabled or not methods:
            return None
        # Occlusion needs hundreds of answers for each input and stage.
        checked: list[Method] = [method for method in methods if method != "occlusion"]
        checked = checked or list(methods)
        networks = Counter((sample.repeat, sample.fold) for sample in chosen)
        key = networks.most_common(1)[0][0]
        some = [s for s in chosen if (s.repeat, s.fold) == key][: settings.num_samples]
        check = partial(
            sanity_check,
            self._open(*key),
            num_stages=settings.num_stages,
            seed=self._config.seed,
        )
        stages: dict[str, tuple[SanityStage, ...]] = {
            method: check(partial(self._attributed, samples=some, method=method))
            for method in checked
        }
        if kind == "image":
            stages[CONTROL] = check(partial(self._edges, samples=some))
        return Sanity(stages, len(some))

    def _attributed(
        self, opened: OpenNetwork, samples: Sequence[ChosenSample], method: Method
    ) -> list[Array]:
        return [
            attribute(
                method,
                Question(
                    opened.network,
                    attributed_input(opened, self._samples, sample.row),
                    explained_output(sample, opened.card),
                ),
                self._config,
            )
            for sample in samples
        ]

    def _edges(self, _: OpenNetwork, samples: Sequence[ChosenSample]) -> list[Array]:
        kernel = kernel_gallery()["Laplacian, 4 neighbours"]
        return [
            np.abs(filtered(np.asarray(self._samples.x[sample.row]).mean(axis=0), kernel))
            for sample in samples
        ]
