"""How much memory another side may make this process take, where the system tells and limits it: Linux; macOS in part."""

import sys
from collections.abc import Callable
from typing import TypeVar

from poolcheck.config.disk import own_memory

if sys.platform != "win32":
    import resource

T = TypeVar("T")
MOST_ADDED = 64 << 20  # bytes of address space that one call of libpq may add


if sys.platform != "win32":

    def held() -> int:
        """Bytes of memory that this process holds; where that is not told, the most that it has held."""
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return own_memory(1) or (most if sys.platform == "darwin" else most << 10)

    class Room:
        """Lets libpq work with a limit on what it may allocate.

        It asks for as much as a message's length says, unread, and reads on while there is anything. What it cannot have
        it says, and gives the connection up. The limit is the process's own, and stands for one call.
        """

        def __init__(self) -> None:
            now = own_memory(0)
            soft, hard = self.before = resource.getrlimit(resource.RLIMIT_AS)
            most = now + MOST_ADDED if soft == resource.RLIM_INFINITY else min(soft, now + MOST_ADDED)
            self.during = (most, hard) if now else self.before

        def within(self, work: Callable[..., T], *args: object) -> T:
            """Do it."""
            resource.setrlimit(resource.RLIMIT_AS, self.during)
            try:
                return work(*args)
            finally:
                resource.setrlimit(resource.RLIMIT_AS, self.before)

else:

    def held() -> int:
        """Not told."""
        return 0

    class Room:
        """No limit."""

        def within(self, work: Callable[..., T], *args: object) -> T:
            """Do it."""
            return work(*args)
