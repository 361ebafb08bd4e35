"""The workspace in a browser. `suggest demo` serves it, through `routes`.

routes           the page's HTTP routes
feed             server-sent events: all that one person sees, then each change
browser_actions  what a person does at the page
static/          HTML, CSS and JavaScript
"""
