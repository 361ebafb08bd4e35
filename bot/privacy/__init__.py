"""Personal data: models see placeholders, the log keeps placeholders.

detectors         personal data in a text: e-mail, phone, card, IBAN, IP, secrets, and the playbook's own rules
finders           one module a kind of personal data
folding           a text as finders read it: digits and letters of any script as their ASCII likes, with a map back
user_patterns     those rules, guarded against patterns that would hold up the bot
placeholders      texts with placeholders in, and the originals back, also where a model altered a placeholder
encryption        originals of an open request, encrypted
import_redaction  requests from elsewhere, as our own would be kept
service           `Privacy`: the three forms of a request: for a model, for the log, for the agent

May be called by the rest of `bot/` and by `cli/`; `detectors`, its parts and `user_patterns` know nothing of
the rest.
"""
