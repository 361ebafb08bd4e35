"""Results of `suggest rank train`, `score`, `evaluate` and `rollback`, as JSON."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bot.ranking.off_policy import PolicyValueRefusal
from storage.tables import to_iso

if TYPE_CHECKING:
    from cli.commands.rank_evaluate import Evaluations
    from cli.commands.rank_rollback import Rollback
    from cli.commands.rank_score import Scoring
    from cli.commands.rank_train import Training


def render_training(training: "Training") -> str:
    """Render the ranker's effects, and what it was learned from."""
    ranker = training.ranker
    names, parameters = ranker.names, ranker.parameters
    fields = {
        "version": ranker.version,
        "saved": None if training.saved is None else str(training.saved),
        "trained_until": to_iso(ranker.trained_until),
        "weights": ranker.weights,
        "requests": ranker.n_requests,
        "choices": ranker.n_choices,
        "agents": ranker.n_agents,
        "left_out": training.data.left_out,
        "metrics": dict(ranker.metrics),
        "features": dict(zip(names.features, parameters.features.tolist(), strict=True)),
        "styles": ranker.style_effects,
        "models": ranker.model_effects,
        "prompts": ranker.prompt_effects,
        "positions": parameters.positions.tolist(),
        "none": {"constant": parameters.none[0], "log_k": parameters.none[1]},
        "habits": {"first_variance": parameters.spread[0, 0], "none_variance": parameters.spread[1, 1]},
    }
    return json.dumps(fields, allow_nan=False)


def render_scoring(scoring: "Scoring") -> str:
    """Render how many requests were scored."""
    return json.dumps({"requests": scoring.requests, "version": scoring.version, "output": str(scoring.output)})


def render_evaluations(evaluations: "Evaluations") -> str:
    """Render each way to hold some choices out; `worth` has why it is refused."""
    found: dict[str, Any] = {
        "displays": len(evaluations.data.choice_sets),
        "left_out": evaluations.data.left_out,
        "weights": evaluations.weights,
    }
    for one in evaluations.held_out:
        found[one.split] = asdict(one)
        found[one.split]["worth"] = {"refused": None, **asdict(one.worth)}
        if isinstance(one.worth, PolicyValueRefusal):
            found[one.split]["worth"]["refused"] = found[one.split]["worth"].pop("reason")
    return json.dumps(_replace_infinite(found))


def render_rollback(rollback: "Rollback") -> str:
    """Render what ordered replies before and what does now; null is uniform order."""
    change = rollback.change
    state = "rolled_back" if change.is_pinned else "automatic"
    return json.dumps({"before": rollback.before, "version": change.version, "state": state, "at": to_iso(change.at)})


def _replace_infinite(value: Any) -> Any:
    """Replace infinite numbers by null, in lists and objects too: JSON has no word for them."""
    if isinstance(value, dict):
        return {name: _replace_infinite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_replace_infinite(item) for item in value]
    return None if isinstance(value, float) and value in {float("inf"), float("-inf")} else value
