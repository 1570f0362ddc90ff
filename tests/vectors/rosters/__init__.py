"""Hostile roster files, each with the error that it must produce."""
