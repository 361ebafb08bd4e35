"""Bolt middleware, before every handler. Called by Bolt, as `handlers/app.py` registers it.

access           users who may not use the bot are refused
trusted_origins  response_urls at other hosts are left out
"""
