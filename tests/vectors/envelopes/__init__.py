"""Letters that must open for ever, and hostile ones, each with the error it must produce."""
