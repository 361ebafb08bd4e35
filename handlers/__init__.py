"""The Slack edge: parse, one call to `bot/`, render. Knows Slack; knows neither LangChain nor SQL.

app                  registers every handler on a Bolt app
context              the services that handlers call, one payload with its sender, and how all handlers begin and fail
commands             /suggest
actions              buttons, selects and menus
views                modals and their submissions
shortcuts            the entry in a message's menu, and the one beside the composer
events               mentions, direct messages
middleware           access, before every handler
blocks               Block Kit: candidates, confirmations, modals, Home
slack                Slack's API: clients, errors, users, threads, ephemeral and live messages
payloads             Slack's payloads as frozen records
display              from a committed request to what the agent sees
progressive_display  candidates that fill their places as they are done
colleague_notices    notices to agents who draft for the same message
home_display         Home, made and published
export_jobs          exports as ordered in Slack
error_messages       errors in words
background_tasks     work after the acknowledgement
http                 /slack/events, /healthz, /readyz, /metrics
connection_gate      a bound on HTTP connections, and on the time that requests take to arrive
socket_mode          Socket Mode

Called by `cli/`; it imports `bot/` and `storage/`.
"""
