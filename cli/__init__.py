"""The front door: commands, settings, and the wiring of every part. Nothing imports this room."""

__version__ = "0.1.0"
