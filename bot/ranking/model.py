"""`Ranker`: a fitted model as a value, whose version is the hash of its content; `fit_ranker` fits it."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Final

import numpy as np

from bot.ranking.choice_sets import ChoiceSet, Weights
from bot.ranking.design import (
    Design,
    EffectNames,
    build_design,
    centre,
    collect_names,
    fit_scales,
    label_styles,
    measure_features,
    standardise,
)
from bot.ranking.features import BUCKETS, FEATURES, FloatArray, RankableCandidate, compute_idf, featurise
from bot.ranking.forward import predict_forward, weigh_by_age
from bot.ranking.habits import HabitModel, fit_habits
from bot.ranking.logit import RANDOM_EFFECTS, Parameters, compute_qualities, fit_logit, predict_at_mode
from storage.records import Turn

FORMAT: Final = "suggest-ranker/1"
"""Changes whenever a feature or a formula does: an older file is refused rather than read wrongly."""

JUDGED: Final = 6
"""Blocks, the newest, by which the half-life of choices is chosen where no evidence was gathered."""


class CorruptModel(Exception):  # noqa: N818 - named for what happened, as the callers read it
    """A stored model cannot be used; the message says why, in one line."""


class NothingToLearn(Exception):  # noqa: N818 - as above
    """No choice set has a pick, so there is nothing to fit."""


@dataclass(frozen=True, kw_only=True)
class Ranker:
    """A fitted model. `metrics` are those of its training; everything is finite, or it is corrupt.

    `n_requests` choice sets were learned from, of `n_agents` persons; `n_choices` of them have a pick. `habits` are for
    prediction only; files of earlier versions have none.
    """

    trained_until: datetime
    n_requests: int
    n_choices: int
    n_agents: int
    weights: Weights
    metrics: Mapping[str, float]
    names: EffectNames
    scales: FloatArray
    idf: tuple[float, ...]
    parameters: Parameters
    habits: HabitModel | None = None

    @cached_property
    def version(self) -> str:
        """Hash of the content, 16 hexadecimal digits: two rankers with one version rank alike."""
        return _hash_content(_to_content(self))

    def to_json(self) -> str:
        return json.dumps({"format": FORMAT, "version": self.version, **_to_content(self)}, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> "Ranker":
        """Read a ranker. Raises CorruptModel if the text is none of this program's format, or was changed."""
        content = _parse_content(text)
        version = content.pop("version")
        if version != _hash_content(content):
            raise CorruptModel("it was changed after it was written: its content does not match its version")
        try:
            ranker = _from_content(content)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise CorruptModel(f"a part of it is missing or malformed ({type(error).__name__})") from error
        _validate(ranker)
        return ranker

    def score_candidates(
        self, conversation: Sequence[Turn], candidates: Sequence[RankableCandidate], prompt_version: str
    ) -> tuple[float, ...]:
        """Score each candidate by its quality, w·x + a_style + a_model + a_prompt: what to rank by.

        Position and person are not in it.
        """
        if not candidates:
            return ()
        x = standardise(featurise(conversation, candidates, self.idf), self.scales)
        x = centre(x, np.array([len(x)]))
        styles, models = _map_effects(self.names.styles, self.parameters.styles), self.model_effects
        prompt = self.prompt_effects.get(prompt_version, 0.0)
        return tuple(
            float(text) + styles.get(candidate.style_key, 0.0) + models.get(candidate.model, 0.0) + prompt
            for text, candidate in zip(x @ self.parameters.features, candidates, strict=True)
        )

    @cached_property
    def style_effects(self) -> dict[str, float]:
        """Effects of styles for people to read; the wording is named where a style was worded anew."""
        labels = label_styles(self.names.styles)
        return _map_effects([labels[key] for key in self.names.styles], self.parameters.styles)

    @cached_property
    def model_effects(self) -> dict[str, float]:
        return _map_effects(self.names.models, self.parameters.models)

    @cached_property
    def prompt_effects(self) -> dict[str, float]:
        return _map_effects(self.names.prompts, self.parameters.prompts)


def fit_ranker(choice_sets: Sequence[ChoiceSet], *, weights: Weights, half_life: int | None = None) -> Ranker:
    """Fit a ranker to choice sets, the newer the more. Raises NothingToLearn if none has a pick.

    Without a half-life, it is the one that predicts the newest choices best.
    """
    if all(choice_set.picked is None for choice_set in choice_sets):
        raise NothingToLearn
    if half_life is None:
        half_life = predict_forward(choice_sets, weights=weights, blocks=JUDGED).half_life
    idf, names = compute_idf([choice_set.conversation for choice_set in choice_sets]), collect_names(choice_sets)
    raw = measure_features(choice_sets, idf)
    scales = fit_scales(raw)
    design = build_design(choice_sets, standardise(raw, scales), names, weights)
    parameters = fit_logit(replace(design, weight=design.weight * weigh_by_age(len(choice_sets), half_life)))
    return Ranker(
        trained_until=max(choice_set.at for choice_set in choice_sets),
        n_requests=len(choice_sets),
        n_choices=sum(choice_set.picked is not None for choice_set in choice_sets),
        n_agents=len(names.agents),
        weights=weights,
        metrics=_measure_fit(design, parameters),
        names=names,
        scales=scales,
        idf=idf,
        parameters=parameters,
        habits=fit_habits(choice_sets, np.split(compute_qualities(design, parameters), design.starts[1:])),
    )


def _measure_fit(design: Design, parameters: Parameters) -> dict[str, float]:
    """Measure the log-likelihood a pick on the training data, beside that of choosing at random."""
    p, none = predict_at_mode(design, parameters)
    is_picked = design.picked >= 0
    log = np.log(p[design.picked[is_picked]] / (1 - none[is_picked]))
    return {
        "training_log_likelihood": float(log.mean()),
        "training_uniform": float(-np.log(design.sizes[is_picked]).mean()),
    }


def _map_effects(names: Sequence[str], values: FloatArray) -> dict[str, float]:
    return dict(zip(names, values.tolist(), strict=True))


_ARRAYS: Final = {
    "features": "features",
    "styles": "styles",
    "models": "models",
    "prompts": "prompts",
    "positions": "positions",
    "none": "none",
    "habits": "random_effects",
    "habit_covariances": "random_effect_covariances",
    "spread": "spread",
    "text_variance": "text_variance",
}
"""Names in the file, of FORMAT's first days, and the attributes of Parameters."""

_NAMED: Final = ("features", "styles", "models", "prompts", "agents")


def _to_content(ranker: Ranker) -> dict[str, Any]:
    names, parameters = ranker.names, ranker.parameters
    return {
        "trained_until": ranker.trained_until.isoformat(),
        "n_requests": ranker.n_requests,
        "n_choices": ranker.n_choices,
        "n_agents": ranker.n_agents,
        "weights": ranker.weights,
        "metrics": dict(ranker.metrics),
        **{kind: list(getattr(names, kind)) for kind in _NAMED},
        "scales": ranker.scales.tolist(),
        "idf": list(ranker.idf),
        **({} if ranker.habits is None else {"sequential": ranker.habits.to_json()}),
        "parameters": {name: getattr(parameters, attribute).tolist() for name, attribute in _ARRAYS.items()},
    }


def _hash_content(content: Mapping[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _parse_content(text: str) -> dict[str, Any]:
    """Parse JSON of this FORMAT, without the format's name. Raises CorruptModel."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CorruptModel("it is no JSON, or not all of it is there") from error
    if not isinstance(content, dict) or "version" not in content:
        raise CorruptModel("it is no ranker")
    found = content.pop("format", None)
    if found != FORMAT:
        raise CorruptModel(f"its format is {str(found)[:40]!r}, and this program reads {FORMAT!r}: train it anew")
    return content


def _from_content(content: dict[str, Any]) -> Ranker:
    """Turn JSON values into a ranker, unchecked."""
    parameters = {
        attribute: np.array(content["parameters"][name], dtype=np.float64) for name, attribute in _ARRAYS.items()
    }
    return Ranker(
        trained_until=datetime.fromisoformat(content["trained_until"]),
        n_requests=int(content["n_requests"]),
        n_choices=int(content["n_choices"]),
        n_agents=int(content["n_agents"]),
        weights=content["weights"],
        metrics={str(name): float(value) for name, value in content["metrics"].items()},
        names=EffectNames(**{kind: tuple(content[kind]) for kind in _NAMED}, positions=len(parameters["positions"])),
        scales=np.array(content["scales"], dtype=np.float64).reshape(-1, 2),
        idf=tuple(content["idf"]),
        parameters=Parameters(**parameters),
        habits=None if content.get("sequential") is None else HabitModel.from_json(content["sequential"]),
    )


def _validate(ranker: Ranker) -> None:
    """Check shapes, finiteness and covariances. Raises CorruptModel."""
    names, parameters = ranker.names, ranker.parameters
    sizes = {
        "features": (len(FEATURES),), "styles": (len(names.styles),), "models": (len(names.models),),
        "prompts": (len(names.prompts),), "none": (2,), "habits": (len(names.agents), RANDOM_EFFECTS),
        "habit_covariances": (len(names.agents), RANDOM_EFFECTS, RANDOM_EFFECTS),
        "spread": (RANDOM_EFFECTS, RANDOM_EFFECTS), "text_variance": (1,),
    }  # fmt: skip
    if names.features != tuple(FEATURES) or len(ranker.scales) != len(FEATURES) or len(ranker.idf) != BUCKETS:
        raise CorruptModel("it has other features than this program: train it anew")
    for name, attribute in _ARRAYS.items():
        array = getattr(parameters, attribute)
        size = sizes.get(name, array.shape)
        if array.shape != size and (array.size or math.prod(size)):  # JSON does not tell (0,) from (0, 2)
            raise CorruptModel(f"its {name} have a wrong number of values")
        if not np.isfinite(array).all():
            raise CorruptModel(f"its {name} are not all numbers")
    for name in ("habit_covariances", "spread"):
        covariances = getattr(parameters, _ARRAYS[name])
        if covariances.size and not (np.linalg.eigvalsh(covariances) > 0).all():
            raise CorruptModel(f"its {name} are no covariances")
    if not np.isfinite(ranker.scales).all() or not (ranker.scales[:, 1] > 0).all():
        raise CorruptModel("its scales are not all numbers")
    if not all(map(math.isfinite, (*ranker.idf, *ranker.metrics.values()))):
        raise CorruptModel("its document frequencies or metrics are not all numbers")
    if not parameters.positions.size or ranker.weights not in {"picks", "kept"}:
        raise CorruptModel("it has no positions, or an unknown weighting")
