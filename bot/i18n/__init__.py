"""Texts that agents read, in Fluent files under `locales/`, one a language. Called by `handlers/` and `cli/`.

texts  a text by key, in the agent's language
"""
