"""Child processes of `serve`.

child           how a job gets into a process of its own, and its result back
export          one export for Slack
export_process  starts it
migration       one migration of the database
training        one refit of the ranker
"""
