"""The Slack edge: parse, one call to `bot/`, render. Knows Slack; knows neither LangChain nor SQL.

app                  registers every handler on a Bolt app
commands             /suggest
actions              buttons, selects and the editor
shortcuts            the shortcuts, mentions, direct and pasted messages
views                modals and their submissions
middleware           access, before every handler
blocks               Block Kit: candidates, confirmations, forms
slack                Slack's API: clients, errors, users, threads, ephemeral and live messages
payloads             Slack's payloads as frozen records
display              from a committed request to what the agent sees
progressive_display  candidates that fill their places as they are done
colleague_notices    notices to agents who draft for the same message
error_messages       errors in words
background_tasks     work after the acknowledgement
http                 /slack/events, /healthz, /readyz, /metrics
socket_mode          Socket Mode

May be called by `cli/`; it imports `bot/` and `storage/`.
"""
