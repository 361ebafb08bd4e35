"""Modals and their submissions.

export_log  /suggest export
"""
