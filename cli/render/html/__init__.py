"""HTML pages, one look for all: `templates/base.html`, with the structure and the charts in macros beside it.

pages        makes a page of a template: every text in it is escaped
axes         scales of charts
batch        `suggest batch --report`
report       `suggest report --html`
rank_report  `suggest rank report --html`
"""
