"""Parley: a Discord chat bot that answers, remembers and says what went wrong."""

__version__ = "0.1.0"
