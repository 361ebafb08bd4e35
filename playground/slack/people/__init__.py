"""The people and channels of the playground, and their use of interactive elements. `workspace` and `state` call it.

directory     invented people and channels, and the ids of team, app and bot
customers     invented customers with their messages, for the demo
interactions  find elements in a message or view, click them, select in them, read their values
"""
