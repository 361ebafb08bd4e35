"""What the product is about. Knows neither Slack nor SQL.

playbook    the team's persona, facts, rules and styles, read from TOML
drafting    K drafts at once: prompts, the Runnable, the limit on calls in flight, models (the only home of LangChain)
ordering    near-duplicates, styles and positions drawn by chance, with their exact probabilities
ranking     the order learned from choices: what is learned, when it is shown, how it is drawn
suggesting  the use case: an ask in, candidates in order out, recorded before anything is visible
steering    from one candidate to others: shorter, warmer, in another language
choosing    use, edit, dismiss, redraft, undo: one standing choice a request
edits       how much of a draft an edit kept
staleness   whether the conversation has moved on since drafting
places      in which channels that may be done
delivering  the reply's way into the conversation, once; `Courier` is what it needs from above
limits      whether an ask is taken: an agent's minute, the day's tokens, the queue
pausing     drafting stopped everywhere, by an admin
privacy     models see placeholders for personal data, the log keeps placeholders
splitting   long replies in parts that Slack takes
recovering  what a dead replica left behind, taken over
unfinished  what the database would not take for the moment, kept until it is back
canonical   one log line a request, a choice, an undo
metrics     numbers for Prometheus
reporting   what the log says: counts, shares, times, cost, week by week
intervals   how sure a share is where requests of one agent are alike
choicelog   the log in every form that it is exported in, and read back
erasing     requests that go for good
housekeeping  what time does to the log: requests expire, secrets and texts are forgotten
errors      why a use case was refused

May be called by `handlers/` and `cli/`; it imports `storage/` only.
"""
