"""Slash commands.

suggest  /suggest and its words
"""
