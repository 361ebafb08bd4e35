"""The workspace's HTTP side, which the app calls. `workspace` builds it.

application    the routes as one web application
web_api        POST /api/<method>
response_urls  POST /actions/<key>: messages by a response_url
uploads        POST /upload/<file id>
responses      an API response, and how a planned fault changes it
"""
