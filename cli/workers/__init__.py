"""Child processes of `serve`.

export          one export for Slack
export_process  starts it
training        one refit of the ranker
"""
