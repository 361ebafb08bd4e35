"""Slash commands. Called by Bolt, as `handlers/app.py` registers them.

suggest    /suggest: its subcommands, and the request for replies
last       /suggest last: the last open request once more
help       /suggest help
pause      /suggest pause, /suggest resume
export     /suggest export: opens the modal
admins     commands for admins
arguments  a command's text: subcommand or message, and hint
"""
