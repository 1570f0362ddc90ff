"""What can be wrong with a model, a family a file."""
