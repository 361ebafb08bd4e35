"""The use cases, one module each. Called by `handlers/` and `cli/`.

suggest      an ask in, K candidates in order out, each step recorded before it is visible
admission    an ask or a click for others becomes a recorded request, unless it is refused
briefs       what each of the K drafts is written from; the terms of drafting
pipeline     from a request to its candidates, together or one by one, in places drawn before
placement    drafts become candidates, candidates get their positions; pure functions
clicks       who clicked, and whether the request is theirs
choose       use, edit, dismiss, undo: one standing choice a request
deliver      the reply posted once; `Courier` is what it needs from above
redraft      from one candidate to others: shorter, warmer, in another language
translation  what a candidate says, in the language of its agent
staleness    whether the conversation has moved on since drafting
limits       an agent's minute, the day's tokens, the bounded queue
day_budget   the day's tokens, with what asks and calls to the model have reserved
home         an agent's open requests, figures and settings
pause        drafting stopped on all replicas by an admin
channels     the channels in which suggestions are allowed
"""
