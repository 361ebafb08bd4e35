"""The first schema: requests, candidates, choices, deliveries, events, playbooks, audit, seen deliveries."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _tables()
    _replicas_and_switches()
    _rankers()
    _events_are_append_only()


def _tables() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", sa.String(length=24), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_table(
        "playbooks",
        sa.Column("prompt_version", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("first_used_at", sa.String(length=24), nullable=False),
        sa.PrimaryKeyConstraint("prompt_version"),
    )
    op.create_table(
        "requests",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("team_id", sa.String(length=64), nullable=False),
        sa.Column("channel_id", sa.String(length=64), nullable=False),
        sa.Column("thread_ts", sa.String(length=32), nullable=True),
        sa.Column("agent_id", sa.String(length=64), nullable=False),
        sa.Column("surface", sa.String(length=16), nullable=False),
        sa.Column("locale", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.String(length=24), nullable=False),
        sa.Column("handed_at", sa.String(length=24), nullable=True),
        sa.Column("shown_at", sa.String(length=24), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("hint", sa.Text(), nullable=True),
        sa.Column("k_requested", sa.Integer(), nullable=False),
        sa.Column("prompt_version", sa.String(length=64), nullable=False),
        sa.Column("ranker_version", sa.String(length=64), nullable=True),
        sa.Column("policy", sa.String(length=16), nullable=False),
        sa.Column("policy_params", sa.Text(), nullable=False),
        sa.Column("order_propensity", sa.Float(), nullable=True),
        sa.Column("parent_request_id", sa.String(length=64), nullable=True),
        sa.Column("parent_candidate_id", sa.String(length=64), nullable=True),
        sa.Column("steer", sa.String(length=16), nullable=True),
        sa.Column("steer_language", sa.String(length=16), nullable=True),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("app_version", sa.String(length=32), nullable=False),
        sa.Column("conversation", sa.Text(), nullable=False),
        sa.Column("seen_ts", sa.String(length=32), nullable=True),
        sa.Column("pointed_ts", sa.String(length=32), nullable=True),
        sa.Column("text_kept", sa.String(length=16), nullable=False),
        sa.Column("response_url", sa.Text(), nullable=True),
        sa.Column("response_url_expires_at", sa.String(length=24), nullable=True),
        sa.Column("owner", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("requests_in_order", "requests", ["created_at", "id"], unique=False)
    op.create_index("requests_of_agent", "requests", ["team_id", "agent_id", "created_at"], unique=False)
    op.create_index(
        "requests_redrafted",
        "requests",
        ["parent_request_id"],
        unique=False,
        sqlite_where=sa.text("parent_request_id IS NOT NULL"),
        postgresql_where=sa.text("parent_request_id IS NOT NULL"),
    )
    op.create_index(
        "requests_with_text",
        "requests",
        ["created_at"],
        unique=False,
        sqlite_where=sa.text("text_kept <> 'none'"),
        postgresql_where=sa.text("text_kept <> 'none'"),
    )
    op.create_index(
        "requests_with_secret",
        "requests",
        ["response_url_expires_at"],
        unique=False,
        sqlite_where=sa.text("response_url IS NOT NULL"),
        postgresql_where=sa.text("response_url IS NOT NULL"),
    )
    op.create_index(
        "requests_in_drafting",
        "requests",
        ["created_at"],
        unique=False,
        sqlite_where=sa.text("status = 'drafting'"),
        postgresql_where=sa.text("status = 'drafting'"),
    )
    op.create_table(
        "vault",
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.String(length=24), nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("request_id"),
    )
    op.create_index("vault_by_age", "vault", ["expires_at"], unique=False)
    op.create_table(
        "seen_deliveries",
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("seen_at", sa.String(length=24), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("seen_deliveries_by_age", "seen_deliveries", ["seen_at"], unique=False)
    op.create_table(
        "candidates",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("sample_index", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("style", sa.String(length=64), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("model_returned", sa.Text(), nullable=True),
        sa.Column("temperature", sa.Float(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("error", sa.String(length=32), nullable=True),
        sa.Column("dropped_reason", sa.String(length=32), nullable=True),
        sa.Column("duplicate_of", sa.String(length=64), nullable=True),
        sa.Column("shown_at", sa.String(length=24), nullable=True),
        sa.Column("latency_ms", sa.Integer(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("finish_reason", sa.Text(), nullable=True),
        sa.Column("prompt_tokens", sa.Integer(), nullable=True),
        sa.Column("completion_tokens", sa.Integer(), nullable=True),
        sa.Column("mean_logprob", sa.Float(), nullable=True),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("first_propensity", sa.Float(), nullable=True),
        sa.Column("inclusion_propensity", sa.Float(), nullable=True),
        sa.Column("sources", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("request_id", "position", name="one_candidate_a_position"),
        sa.UniqueConstraint("request_id", "sample_index", name="one_candidate_a_sample"),
    )
    op.create_table(
        "events",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=32), nullable=False),
        sa.Column("at", sa.String(length=24), nullable=False),
        sa.Column("agent_id", sa.String(length=64), nullable=True),
        sa.Column("candidate_id", sa.String(length=64), nullable=True),
        sa.Column("data", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("events_of_request", "events", ["request_id", "seq"], unique=False)
    op.create_table(
        "choices",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("candidate_id", sa.String(length=64), nullable=True),
        sa.Column("final_text", sa.Text(), nullable=True),
        sa.Column("reason", sa.String(length=32), nullable=True),
        sa.Column("edit_similarity", sa.Float(), nullable=True),
        sa.Column("agent_id", sa.String(length=64), nullable=False),
        sa.Column("chosen_at", sa.String(length=24), nullable=False),
        sa.Column("decision_ms", sa.Integer(), nullable=True),
        sa.Column("visible_candidate_ids", sa.Text(), nullable=False),
        sa.Column("retracted_at", sa.String(length=24), nullable=True),
        sa.ForeignKeyConstraint(["candidate_id"], ["candidates.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("choices_of_candidate", "choices", ["candidate_id"], unique=False)
    op.create_index("choices_of_request", "choices", ["request_id"], unique=False)
    op.create_index(
        "choices_taken_back",
        "choices",
        ["retracted_at"],
        unique=False,
        sqlite_where=sa.text("retracted_at IS NOT NULL"),
        postgresql_where=sa.text("retracted_at IS NOT NULL"),
    )
    op.create_index(
        "one_standing_choice",
        "choices",
        ["request_id"],
        unique=True,
        sqlite_where=sa.text("retracted_at IS NULL"),
        postgresql_where=sa.text("retracted_at IS NULL"),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("choice_id", sa.String(length=64), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("address", sa.String(length=16), nullable=False),
        sa.Column("channel_id", sa.String(length=64), nullable=True),
        sa.Column("message_ts", sa.String(length=32), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("owner", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["choice_id"], ["choices.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("choice_id", "part", name="one_delivery_a_part"),
    )
    op.create_index(
        "deliveries_not_done",
        "deliveries",
        ["state"],
        unique=False,
        sqlite_where=sa.text("state <> 'done'"),
        postgresql_where=sa.text("state <> 'done'"),
    )
    op.create_index(
        "deliveries_untold",
        "deliveries",
        ["owner"],
        unique=False,
        sqlite_where=sa.text("state = 'done' AND owner IS NOT NULL"),
        postgresql_where=sa.text("state = 'done' AND owner IS NOT NULL"),
    )
    op.create_index("deliveries_of_request", "deliveries", ["request_id"], unique=False)


def _replicas_and_switches() -> None:
    op.create_table(
        "replicas",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("seen_at", sa.String(length=24), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "switches",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("thrown_by", sa.String(length=64), nullable=False),
        sa.Column("thrown_at", sa.String(length=24), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def _rankers() -> None:
    op.create_table(
        "rankers",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("created_at", sa.String(length=24), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("trained_until", sa.String(length=24), nullable=True),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column("choices", sa.Integer(), nullable=False),
        sa.Column("agents", sa.Integer(), nullable=False),
        sa.Column("metrics", sa.Text(), nullable=False),
        sa.Column("gate_open", sa.Boolean(), nullable=False),
        sa.Column("gate", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("version"),
    )
    op.create_table(
        "ranker_changes",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", sa.String(length=24), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=True),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("until", sa.String(length=24), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def _events_are_append_only() -> None:
    """A fact is never changed: retention may delete it, nothing may rewrite it. One thing may be forgotten: the text of
    a choice that was taken back.
    """
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE TRIGGER events_append_only BEFORE UPDATE ON events WHEN NOT ("
            "NEW.seq = OLD.seq AND NEW.request_id = OLD.request_id AND NEW.type = OLD.type AND NEW.at = OLD.at "
            "AND NEW.agent_id IS OLD.agent_id AND NEW.candidate_id IS OLD.candidate_id "
            "AND json(NEW.data) = json_replace(OLD.data, '$.choice.final_text', NULL)) "
            "BEGIN SELECT RAISE(ABORT, 'events are append-only'); END"
        )
        return
    op.execute(
        "CREATE FUNCTION events_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN "
        "IF (NEW.seq, NEW.request_id, NEW.type, NEW.at) = (OLD.seq, OLD.request_id, OLD.type, OLD.at) "
        "AND (NEW.agent_id, NEW.candidate_id) IS NOT DISTINCT FROM (OLD.agent_id, OLD.candidate_id) "
        "AND CAST(NEW.data AS jsonb) = jsonb_set(CAST(OLD.data AS jsonb), '{choice,final_text}', 'null', false) "
        "THEN RETURN NEW; END IF; "
        "RAISE EXCEPTION 'events are append-only' USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    op.execute(
        "CREATE TRIGGER events_append_only BEFORE UPDATE ON events FOR EACH ROW EXECUTE FUNCTION events_append_only()"
    )
