"""Bolt middleware.

access  who may use the bot
"""
