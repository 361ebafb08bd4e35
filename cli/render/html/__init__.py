"""HTML pages.

report       `suggest report --html`
rank_report  `suggest rank report --html`
charts       SVG charts
markup       escaped HTML
"""
