"""Two versions side by side: each row's two texts in a drawn order, what reviewers prefer, and what that proves.

drafts        the outputs of two playbooks or models, drafted for each row of a file
pairs         a row's two texts, from the outputs of two versions
differences   the words in which they differ
review        one reviewer's way through the rows: each display and each answer committed
report        wins, their interval by reviewer, and how far reviewers agree

May be called by `cli/`.
"""
