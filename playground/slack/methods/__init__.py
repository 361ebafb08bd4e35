"""The Web API's methods, one module a family. `http/web_api` looks them up in `method_table`.

Each method is a function `(state, call) -> answer` that raises SlackError.

method_table   method names with their functions, token kinds and scopes
call           one call with its arguments and token, and checks that several methods share
chat           chat.*
conversations  conversations.*
users          api.*, apps.*, auth.*, users.*, usergroups.*
files          files.*
views          views.*
agents         agents.* and assistant.*
"""
