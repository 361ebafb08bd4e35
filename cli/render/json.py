"""Results as JSON, for programs: their fields as they are, unless told otherwise here."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from storage.fields import to_iso

if TYPE_CHECKING:
    from bot.choice_log.importer import ImportTally
    from bot.experiments.report import ExperimentReport
    from bot.knowledge.evaluation import Evaluation
    from bot.knowledge.library import Hit
    from bot.ranking.rank_report import RankReport
    from bot.ranking.rollback import Rollback
    from cli.commands.batch import BatchResult
    from cli.commands.doctor import Finding
    from cli.commands.erase import ErasureResult
    from cli.commands.playbook_check import UsablePlaybook
    from cli.commands.rank_evaluate import Evaluations
    from cli.commands.rank_train import Training
    from storage.records import Experiment
    from storage.repositories.knowledge import Document, Listed


def to_json(value: Any) -> str:
    return json.dumps(to_plain(value), ensure_ascii=False, allow_nan=False)


def to_plain(value: Any) -> Any:
    """Convert records to objects, times to ISO texts, numbers that JSON has no word for to null."""
    if is_dataclass(value):
        return {each.name: to_plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): to_plain(item) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [to_plain(item) for item in value]
    return _convert_scalar(value)


def _convert_scalar(value: Any) -> Any:
    if isinstance(value, datetime):
        return to_iso(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _pick(record: Any, *names: str) -> dict[str, Any]:
    """Take these fields of a record."""
    return {name: getattr(record, name) for name in names}


def list_batch(result: "BatchResult") -> dict[str, Any]:
    """Tell what was drafted, and what this run cost; estimates for a rehearsal."""
    return {
        "rows": result.rows,
        "refused": [_pick(each, "row", "error") for each in result.refused],
        **_pick(result, "drafts", "failed_drafts"),
        **_pick(result.spending, "calls", "prompt_tokens", "completion_tokens", "cost"),
        "stopped": result.stopped,
    }


def list_findings(findings: "Sequence[Finding]") -> dict[str, Any]:
    """`ok` where no finding is a problem."""
    return {"ok": all(finding.status != "problem" for finding in findings), "checks": findings}


def list_erasure(result: "ErasureResult") -> dict[str, Any]:
    """Tell the receipt, or what would be erased."""
    matches, receipt = result.matches, result.receipt
    return {
        "dry_run": receipt is None,
        "by": matches.query.by,
        "at": receipt and receipt.at,
        "rows": (receipt or matches).counts.as_dict(),
        "unreadable": matches.unreadable,
        "wiped": receipt and receipt.wiped,
        "request_ids": matches.request_ids,
    }


def list_import(tally: "ImportTally") -> dict[str, Any]:
    counts = tally.counts
    return {
        "imported": counts["new"],
        "known": counts["known"],
        "refused": tally.refused,
        "refused_count": counts["refused"],
    }


def list_playbook(checked: "UsablePlaybook") -> dict[str, Any]:
    """Tell the styles and the patterns to redact."""
    playbook = checked.playbook
    return {
        "playbook": checked.name,
        "prompt_version": playbook.prompt_version,
        "styles": [_pick(style, "name", "label", "temperature", "model") for style in playbook.styles],
        "redact": [{"name": rule.name, "pattern": rule.pattern.pattern} for rule in playbook.redact],
    }


def list_training(training: "Training") -> dict[str, Any]:
    """Tell the ranker's effects, and what it was learned from."""
    ranker = training.ranker
    names, parameters = ranker.names, ranker.parameters
    return {
        "version": ranker.version,
        "saved": training.saved,
        **_pick(ranker, "trained_until", "weights"),
        "requests": ranker.n_requests,
        "choices": ranker.n_choices,
        "agents": ranker.n_agents,
        "left_out": training.data.left_out,
        "metrics": ranker.metrics,
        "features": dict(zip(names.features, parameters.features.tolist(), strict=True)),
        "styles": ranker.style_effects,
        "models": ranker.model_effects,
        "prompts": ranker.prompt_effects,
        "positions": parameters.positions.tolist(),
        "none": {"constant": float(parameters.none[0]), "log_k": float(parameters.none[1])},
        "habits": {
            "first_variance": float(parameters.spread[0, 0]),
            "none_variance": float(parameters.spread[1, 1]),
        },
    }


def list_evaluations(evaluations: "Evaluations") -> dict[str, Any]:
    """Tell each way to hold some choices out; `worth` has why it is refused."""
    found: dict[str, Any] = {
        "displays": len(evaluations.data.choice_sets),
        "left_out": evaluations.data.left_out,
        "weights": evaluations.weights,
    }
    for one in evaluations.held_out:
        told = to_plain(one)
        told["worth"] = {"refused": told["worth"].pop("reason", None), **told["worth"]}
        found[one.split] = told
    return found


def list_rollback(rollback: "Rollback") -> dict[str, Any]:
    """Tell what ordered replies before and what does now; null is uniform order."""
    change = rollback.change
    state = "rolled_back" if change.is_pinned else "automatic"
    return {"before": rollback.before, "version": change.version, "state": state, "at": change.at}


def list_experiments(found: "Sequence[Experiment]", *, default_model: str) -> list[dict[str, Any]]:
    """Tell each experiment; `arm` is the one at fault where the guardrail stopped it."""
    from bot.experiments.start import find_changed, find_state

    return [
        {
            "name": each.name,
            "state": find_state(each, find_changed(each, default_model=default_model)),
            **_pick(each, "by", "started_at", "stopped_at", "stopped_by", "arm"),
            "arms": [_pick(arm, "name", "share", "playbook", "model") for arm in each.arms],
        }
        for each in found
    ]


def list_experiment_report(report: "ExperimentReport") -> dict[str, Any]:
    """Tell the report; what has changed, and how long it has run, is for people."""
    return {name: value for name, value in to_plain(report).items() if name not in {"changes", "agents", "days"}}


def list_rank_report(found: "RankReport") -> dict[str, Any]:
    """Tell all of it: effects are log-odds, and `worth` has a `reason` where it is refused."""
    from bot.ranking.off_policy import PolicyValue
    from bot.ranking.rank_report import describe_finding, describe_order

    comparison, change, newest = found.comparison, found.standing.change, found.standing.newest
    return {
        **_pick(found, "since", "until", "requests"),
        **_pick(comparison, "displays", "picks", "agents"),
        "exploratory": found.is_exploratory,
        "left_out": found.left_out,
        "order": {
            "version": change and change.version,
            "since": change and change.at,
            "decided_by_a_person": change is not None and change.is_pinned,
            "in_words": describe_order(found.standing, found.verdict),
        },
        "gate": found.verdict,
        "newest_ranker": newest and _pick(newest, "version", "created_at", "gate"),
        "worth": {**to_plain(found.worth), "told": isinstance(found.worth, PolicyValue)},
        "standings": comparison.standings,
        "pairs": [{**to_plain(each), "in_words": describe_finding(each)} for each in comparison.pairs],
    }


def list_documents(documents: "Sequence[Listed]") -> list[dict[str, Any]]:
    return [{**_describe_document(listed.document), "passages": listed.passages} for listed in documents]


def list_passages(document: "Document") -> dict[str, Any]:
    return {**_describe_document(document), "passages": [_pick(one, "heading", "text") for one in document.passages]}


def list_hits(hits: "Sequence[Hit]") -> list[dict[str, Any]]:
    """Tell each document by its best passage."""
    return [
        {**_describe_document(hit.document), "score": hit.score, **_pick(hit.passage, "heading", "text")}
        for hit in hits
    ]


def list_evaluation(evaluation: "Evaluation") -> dict[str, Any]:
    return {
        "hit@1": evaluation.measure_hits(1),
        "hit@3": evaluation.measure_hits(3),
        "mrr@10": evaluation.mrr,
        "questions": [_pick(one, "question", "found") for one in evaluation.answered],
    }


def _describe_document(document: "Document") -> dict[str, Any]:
    return _pick(document, "id", "title", "source", "url", "internal", "collection", "modified_at")
