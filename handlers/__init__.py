"""The Slack edge: validate, parse, one call to `bot/`, render. Knows Slack; knows neither LangChain nor SQL.

app         registers every handler on a Bolt app
commands    /suggest
surfaces    the shortcuts, mentions, direct and pasted messages
clicks      the buttons, the select and the editor
showing     from a committed request to what the agent sees
unfolding   candidates that fill their places as they are done
boards      the modals and messages that they stand in
threads     a thread as a conversation, customer and team told apart
exports     /suggest export: the modal, and the file as a direct message
payloads    what Slack sends, parsed once at the door
blocks      what Slack is sent, as Block Kit
texts       every word that an agent reads, by key; locales/ has a file a language
colleagues  agents at the same message are told of each other
private     messages only the agent can see
courier     replies on their way into a conversation
gate        who may not use the bot is told so, before every door
people      who somebody is to Slack: locale, admin, guest, stranger
usergroups  who is in the user groups that may use the bot
connection  our place in the workspace, and the Bolt app that listens
slack_errors  Slack's failures told apart: not taken, perhaps taken, later
apologies   errors put in words, in one place
tasks       work that goes on after the acknowledgement
watching    Slack's failures, counted
web         the HTTP front: /slack/events, /healthz, /readyz, /metrics
socket      Socket Mode

May be called by `cli/`; it imports `bot/` and `storage/`.
"""
