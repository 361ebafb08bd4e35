"""Slack's API as the handlers need it. Called by `handlers/` only.

client        clients of one workspace, its identity, the Bolt app
courier       replies posted into and deleted from conversations
errors        failures told apart: refused, uncertain, throttled
users         locale, admin, guest, external
usergroups    members of user groups
threads       a thread as a conversation
ephemeral     messages that only the agent sees
live_message  modals and direct messages that are updated
call_metrics  failed calls, counted
"""
