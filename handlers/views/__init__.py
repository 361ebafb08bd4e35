"""Modals and their submissions. Called by Bolt, as `handlers/app.py` registers them, and by what opens them.

edit_reply      the editor, and the reply as edited
steer_language  the choice of a language for other replies
other_reason    the reason for dismissing all, in the agent's words
paste_message   a pasted message, for which the same modal shows replies
export_log      /suggest export: the modal, and the export as ordered
settings        an agent's own settings
channel_defaults  the defaults of a channel
submissions     what submissions have in common
"""
