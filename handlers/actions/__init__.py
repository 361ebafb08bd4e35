"""Clicks on buttons and selects.

candidates  the buttons under candidates, the select of reasons, the editor
"""
