"""Shortcuts. Called by Bolt, as `handlers/app.py` registers them.

message_shortcut  the entry in a message's menu: replies to that message, in a modal
global_shortcut   the entry beside the composer: a modal to paste a message in
"""
