"""The command line: commands, settings, and the wiring of all parts. Nothing imports this room.

main               the commands' options; each imports what it needs when it runs
settings           all settings; the only module that reads the environment
wiring             the composition root: every part is made here, once, by hand
commands           one module a command
render             reports and candidates as text, JSON and HTML
workers            child processes of `serve`: exports, training
readiness          checks of database, Slack and model, for /readyz and `doctor`
database_location  the database that a command works on
output_file        stdout, a pipe, or a file that is whole or not there
terminal           input and output of a person at a terminal
streaming_drafter  a batch of drafts that can be watched as it is written
manifest           the Slack app's manifest
errors, logs       how a command ends; how it logs
"""

__version__ = "0.1.0"
