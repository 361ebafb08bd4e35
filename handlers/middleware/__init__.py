"""Bolt middleware.

access           who may use the bot
trusted_origins  response_urls at other hosts are left out
"""
