"""Rendering of reports and candidates. Called by `cli/commands/` only.

numbers  numbers, rates and notes in words
text     for a terminal
json     for programs
html     pages without script
"""
