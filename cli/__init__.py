"""The front door: commands, settings, and the wiring of every part. Nothing imports this room.

main        the commands; each imports what it needs when it runs
settings    every setting; the only module that reads the environment
wiring      the composition root: every part is made here, once, by hand
serve       the bot on one workspace; checks, doctor: whether all that it needs is usable
trying      the use case in a terminal; terminal, screens, streaming: how that looks
demoing     Slack in a browser, with the bot in it
exporting, importing   the log out of a database and into one; destinations: where bytes go
exports_beside, export_worker   exports for Slack, each a process beside the bot
reporting   what the log says; reports/ has its text and its page
ranking, rank_reporting, rank_page, rolling_back   what is learned, judged, told and taken back; refit: as a process
erasing     requests gone for good, or their texts
backing_up, migrating, playbooks, manifest   a command each
databases   which database a command works on; errors: how a command ends; logs: how it logs
"""

__version__ = "0.1.0"
