"""What a process with a fast clock imports first."""
