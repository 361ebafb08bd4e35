"""The command line: commands, settings, and the wiring of all parts. Nothing imports this room.

main               the commands by name; how each ends
lazy_command       imports a command's module when it is called
commands           one module a command: options, one call, the result
options            options that several commands have
render             results as text, JSON and HTML
settings           all settings; the only module that reads the environment, but for `bot/proxies.py`
repositories       all repositories of a database
clock              the time; new ids and keys
wiring             the composition root: every part is made here, once, by hand
lifecycle          the running bot: start, regular work, shutdown
workers            child processes of `serve`: exports, training
readiness          checks of database, Slack and model, for /readyz and `doctor`
database_location  the database that a command works on
demonstration_history  invented requests and picks, for the demo's reports
knowledge          the library of a database, for the commands on it
compare_page       the page of `compare`, on loopback
choice_source      the choices that `rank` learns from: files or a database
output_file        stdout, a pipe, or a file that is whole or not there
stop_signals       Ctrl-C and SIGTERM, told to what runs
terminal           input and output of a person at a terminal
slack_manifest     the Slack app's manifest
errors, logs       how a command ends; how it logs
"""

__version__ = "0.1.0"
