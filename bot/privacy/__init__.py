"""What customers told about themselves stays theirs: models see placeholders, the log keeps placeholders.

recognising   personal data in a text: e-mail, phone, card, IBAN, IP, and the playbook's own rules
patterns      those rules, guarded against patterns that would hold up the bot
placeholders  texts with placeholders in, and the originals back, also where a model altered a placeholder
sealing       what is kept for an open request, sealed
taking_in     requests from elsewhere, as our own would be kept
keeping       `Privacy`: what a model sees, what is recorded, what an agent sees

May be called by the rest of `bot/` and by `cli/`; `recognising` and `patterns` know nothing of the rest.
"""
