"""TRL's preference format, with an explicit prompt, and the provenance of each pair."""

from functools import partial
from typing import Any, Final

from bot.choice_log.chat import Message, to_reply
from bot.choice_log.export_format import ExportFormat
from bot.choice_log.preferences import PairDraw, describe_request, open_pairs
from storage.records import LogEntry


def to_trl(entry: LogEntry, prompt: list[Message], draw: PairDraw) -> dict[str, Any]:
    pair = draw.pair
    return {
        "prompt": prompt,
        "chosen": to_reply(pair.preferred),
        "rejected": to_reply(pair.rejected),
        "provenance": {
            "request_id": entry.request.id,
            "pair": pair.kind,
            "weight": pair.weight,
            "draw_weight": draw.weight,
            "order_weight": 1.0 if draw.order_weight is None else draw.order_weight,
            "order_logged": draw.order_weight is not None,
            "kept": pair.kept,
            "seed": draw.seed,
            "draw": draw.number,
            "chosen_candidate_id": pair.chosen.id,
            "rejected_candidate_id": pair.passed_by.id,
            "rejected_request_id": pair.passed_by.request_id,
            "chosen_position": pair.chosen.position,
            "rejected_position": pair.passed_by.position,
            "chosen_first_propensity": pair.chosen.first_propensity,
            "rejected_first_propensity": pair.passed_by.first_propensity,
            "chosen_inclusion_propensity": pair.chosen.inclusion_propensity,
            "rejected_inclusion_propensity": pair.passed_by.inclusion_propensity,
            **describe_request(entry),
        },
    }


FORMAT: Final = ExportFormat(
    name="trl",
    meaning="preference pairs for TRL, with their provenance",
    open=partial(open_pairs, to_row=to_trl),
    file_name="trl.jsonl",
    is_training_data=True,
    has_provenance=True,
    takes=frozenset({"--pairs", "--seed", "--system"}),
)
