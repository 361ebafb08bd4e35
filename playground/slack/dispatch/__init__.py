"""Requests of Slack to the app: commands, interactions, events. `workspace` calls it.

payloads          payloads with the fields that Slack's have
events            the Events API: which changes the app is subscribed to
dispatcher        send one dispatch over signed HTTP or Socket Mode, and measure the acknowledgement
socket_mode       Socket Mode's server side: connections and envelopes
acknowledgements  carry out what an acknowledgement's body asks for
"""
