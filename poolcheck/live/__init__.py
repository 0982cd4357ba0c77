"""The only sockets in the program."""
