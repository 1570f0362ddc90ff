"""Hostile signed messages, each with the error that it must produce."""
