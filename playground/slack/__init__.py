"""A Slack workspace on loopback. The map is in `playground/__init__.py`."""
