"""docker-compose.yml's containers without docker: namespaces of the kernel, and util-linux.

Each starts as the file says: its command, user, environment, mounts, networks and healthcheck.
What the processes find is the file's, so that it cannot say one thing and do another.
"""
