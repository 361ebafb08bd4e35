"""Queries that read many rows.

log_entries  whole requests, page by page
export_rows  rows as they stand, streamed; and as records again
reports      counts for reports
columns      rows of a query as columns, and counted
experiments  what became of the requests of an experiment
home         what an agent's Home shows
"""
