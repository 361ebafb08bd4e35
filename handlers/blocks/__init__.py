"""Block Kit: what Slack is sent. Pure: records in, JSON out. Called by `handlers/` only.

candidates     the candidates, all at once or in places that fill
sources        what candidates cite: under them, and in a modal
confirmations  what became of a reply, and questions before it is sent
rich_text      texts of customers, models and agents: links, emoji, lists, quotes
markdown       texts of playbooks that have them written in Markdown, as rich text
modals         editor, language, pasted message, export
home           Home, and the modal of its settings
messages       messages within Slack's limits
elements       Block Kit's objects
action_ids     ids of buttons, views and inputs
limits         Slack's limits

What a model or a customer wrote stands in `rich_text`, or cut to a line in `plain_text`: no mention in it pings anyone,
no `*` in it is bold. In a message's `text`, which has no such form, it is escaped.
"""
