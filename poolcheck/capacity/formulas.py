"""Sizing rules that others publish, as they publish them: for comparison, never for the recommendation. Pure.

Each is held to its publisher's own example by a test.
"""


def deadlock_floor(threads: int, connections: int) -> int:
    """The least pool in which threads that each hold several connections at once cannot lock one another out.

    https://github.com/brettwooldridge/HikariCP/wiki/About-Pool-Sizing
    """
    return threads * (connections - 1) + 1


def threaded_fleet(processes: int, threads: int, headroom: int = 10) -> int:
    """Most connections of Puma (threads) or Sidekiq (concurrency + 1), with GitLab's headroom for each process.

    https://docs.gitlab.com/administration/postgresql/tune
    """
    return processes * (threads + headroom)
