"""Export formats, one a module: each has a `FORMAT`, and `registry` finds them. To add one, add a module.

Called through `registry`.
"""
