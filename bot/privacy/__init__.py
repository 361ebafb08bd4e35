"""Personal data: models see placeholders, the log keeps placeholders.

detectors         `Recogniser`: e-mail, phone, card, IBAN, IP, secrets, and the playbook's own rules in a text
finders           one module a kind of personal data
folding           a text as finders read it: digits and letters of any script as their ASCII likes, with a map back
user_patterns     the patterns of the playbook's rules, checked against those that would hold up the bot
placeholders      masking of texts, and filling with the originals, also where a model altered a placeholder
encryption        `TextCipher`: encryption of the originals while a request is open
import_redaction  requests from elsewhere, as our own would be recorded
service           `PrivacyService`: the three forms of a request: for a model, for the log, for the agent

May be called by the rest of `bot/` and by `cli/`; `detectors`, `finders`, `folding` and `user_patterns` know nothing of
the rest.
"""
