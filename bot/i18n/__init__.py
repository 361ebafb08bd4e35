"""Texts that agents read, in Fluent files under `locales/`, one a language. Called by `handlers/` and `cli/`.

texts      a text by key, in the agent's language
languages  the languages of replies, and which of them a text is in
"""
