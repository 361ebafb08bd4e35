"""The Web API's methods, one module for each family: chat, views, conversations and people, files.

Each is a plain function `(state, call) -> answer` that raises SlackError; `table` says who may call which.
"""
