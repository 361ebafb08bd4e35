"""Shortcuts and other places where replies are asked for.

surfaces  message menu, mention, direct message, pasted message
"""
