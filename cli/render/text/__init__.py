"""Text for a terminal.

report      `suggest report`
candidates  candidates of `suggest try`
"""
