"""The workspace in a browser.

server           the page's HTTP side
feed             what the page is told
browser_actions  what a person does in the page
"""
