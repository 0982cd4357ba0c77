"""Clients that do not exist any more, where that can be known: on the server's own machine, from the kernel's tables.

A backend that is busy does not notice that its client is gone (client_connection_check_interval is off by default);
its socket then waits to be closed, and the client's end is in no table of an established connection.
"""

from poolcheck.config.disk import own_bytes

ESTABLISHED = "01"
TABLES = ("/proc/net/tcp", "/proc/net/tcp6")


def clients_gone(ports: set[int], server_port: int, tables: tuple[str, ...] = TABLES) -> frozenset[int]:
    """Which of these loopback client ports have no established socket towards `server_port` any more.

    Empty where there is no such table (not Linux), or where the server's own sockets are not in it: then the server
    lives in another network namespace, and its clients may too.
    """
    alive: set[int] = set()
    served: set[int] = set()
    for name in tables:
        try:
            lines = own_bytes(name).decode("ascii").splitlines()[1:]
        except (OSError, UnicodeError):
            continue
        for line in lines:
            fields = line.split()
            local, remote = (int(field.rpartition(":")[2], 16) for field in fields[1:3])
            if remote == server_port and fields[3] == ESTABLISHED:
                alive.add(local)
            if local == server_port:
                served.add(remote)
    return frozenset(port for port in ports if port in served and port not in alive)
