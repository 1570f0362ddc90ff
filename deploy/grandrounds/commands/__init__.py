"""Subcommands, grouped by who uses them: one module each."""
