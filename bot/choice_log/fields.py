"""The fields of the choice log, in the order in which they are exported; docs/choice-log.md tells each."""

from dataclasses import replace
from typing import Final

from storage.queries.export_rows import EntryFields

SCHEMA: Final = "choice-log/1"

REQUEST_FIELDS: Final = (
    "id", "team_id", "channel_id", "thread_ts", "agent_id", "surface", "locale", "created_at", "shown_at", "status",
    "hint", "k_requested", "prompt_version", "ranker_version", "policy", "policy_params", "order_propensity",
    "parent_request_id", "parent_candidate_id", "steer", "steer_language", "simulated", "app_version", "conversation",
)  # fmt: skip
CANDIDATE_FIELDS: Final = (
    "id", "sample_index", "position", "style", "model", "model_returned", "temperature", "text", "error",
    "dropped_reason", "duplicate_of", "shown_at", "latency_ms", "attempts", "finish_reason", "prompt_tokens",
    "completion_tokens", "mean_logprob", "score", "first_propensity", "inclusion_propensity", "sources",
)  # fmt: skip
CHOICE_FIELDS: Final = (
    "id", "kind", "candidate_id", "final_text", "reason", "edit_similarity", "agent_id", "chosen_at", "decision_ms",
    "visible_candidate_ids", "retracted_at",
)  # fmt: skip
EVENT_FIELDS: Final = ("type", "at", "agent_id", "candidate_id", "data")

CSV_HEADER: Final = (
    *(f"request_{name}" for name in REQUEST_FIELDS),
    *(f"candidate_{name}" for name in CANDIDATE_FIELDS),
    *(f"choice_{name}" for name in CHOICE_FIELDS),
)

FIELDS: Final = EntryFields(
    request=REQUEST_FIELDS, candidate=CANDIDATE_FIELDS, choice=CHOICE_FIELDS, event=EVENT_FIELDS
)

CSV_FIELDS: Final = replace(FIELDS, event=())
"""Events are in the other forms only."""
