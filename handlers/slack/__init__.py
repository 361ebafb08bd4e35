"""Slack's API as the handlers need it. Called by `handlers/`, and by `cli/` to wire it.

client        clients of one workspace, the bot's identity, the Bolt app
courier       replies posted into and deleted from conversations
response_urls posts to a response_url
errors        failures told apart: refused, uncertain, throttled
users         locale, admin, guest, external
usergroups    members of user groups
threads       a thread as a conversation
messages      a message as a person reads it
markup        mrkdwn and blocks as a person reads them
ephemeral     messages that only the agent sees
live_message  modals and direct messages that are updated
home          Home tabs, published
live_check    what only a live workspace can tell, asked there
agent_view    the bot at work in a direct message's thread, and prompts before one
file_uploads  files sent as direct messages
call_metrics  failed calls, counted
"""
