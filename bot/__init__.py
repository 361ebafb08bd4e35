"""The product's use cases and rules. Knows neither Slack nor SQL.

suggesting   the use cases: suggest, choose, deliver, redraft, with their limits
batch        drafts for every row of a file
drafting     K drafts at once by LangChain's `.abatch()`: prompts, the Runnable, models, retries
ordering     near-duplicates, styles and positions drawn by chance, with their exact probabilities
ranking      quality learned from choices, and whether it is proven enough to order replies
knowledge    the team's pages and macros, read from files and searched
stats        confidence intervals that know that choices of one agent are alike
privacy      placeholders for personal data before a model or the log sees it
choice_log   the log in every form that it is exported in, and read back
experiments  arms drawn for live requests, and which of them is proven better or worse
comparing    two versions side by side: pairs, reviews, what they prove
reporting    numbers of a report: counts, shares, times, cost, week by week
operations   recovery, the write buffer, retention, erasure, metrics, log events
i18n         texts for agents, a file a language
toml_files   TOML files of a team, checked by pydantic models, with the line of a mistake
playbook     persona, facts, rules and styles, read from TOML
surfaces     the surfaces on which replies are asked for, with their traits
templates    `{{key}}` in a text, filled from a row
text_limits  texts cut into parts that Slack takes, and free of what cannot be stored
proxies      the way out of this machine: proxy and certificates for one server
edits        similarity of a draft and the text that was sent
errors       reasons why a use case was refused

May be called by `handlers/` and `cli/`; it imports `storage/` only.
"""
