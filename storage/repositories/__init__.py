"""Repositories, one a noun; each method is one transaction.

requests          requests and their candidates, from the ask to what was shown
choices           what agents decided, and taking it back
deliveries        the parts of a reply on their way into the conversation
idempotency_keys  keys of what Slack may deliver twice
replicas          heartbeats, and takeover of a dead replica's work
leases            work that one replica does at a time
agent_settings    what agents set for themselves
channel_defaults  what admins set for channels
switches          switches for all replicas, such as the pause
vault             what placeholders stand for, sealed
experiments       experiments with their arms, one of which runs at most
rankers           rankers, and which of them orders
sent_replies      replies that were sent, to what they answered
knowledge         what the team knows: documents in passages
erasures          pruning of texts, erasure of requests
imports           requests from elsewhere
audit             actions on the log itself

May be called by `bot/` and `cli/`.
"""
