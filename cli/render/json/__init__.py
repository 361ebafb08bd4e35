"""JSON.

report  `suggest report --json`
"""
