"""Sizing rules that others publish, as they publish them: for comparison, never for the recommendation. Pure.

Each is held to its publisher's own example by a test.
"""


def deadlock_floor(threads: int, connections: int) -> int:
    """The least pool in which threads that each hold several connections at once cannot lock one another out.

    https://github.com/brettwooldridge/HikariCP/wiki/About-Pool-Sizing
    """
    return threads * (connections - 1) + 1


def rds_max_connections(ram_gib: float) -> int:
    """Upper bound of the default max_connections of an RDS instance; the real one is lower.

    LEAST(DBInstanceClassMemory / 9531392, 5000), and DBInstanceClassMemory is less than the nominal RAM.
    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html
    """
    return min(int(ram_gib * 2**30) // 9_531_392, 5000)


def prisma_pool(default: int, instances: int) -> int:
    """Prisma up to 6 on servers: the default pool, divided by the instances.

    https://www.prisma.io/docs/orm/v6/prisma-client/setup-and-configuration/databases-connections
    """
    return max(1, default // instances)


def prisma_default(cpus: int) -> int:
    """Default pool of Prisma up to 6: physical CPUs of the app's machine x 2 + 1."""
    return cpus * 2 + 1


def threaded_fleet(processes: int, threads: int, headroom: int = 10) -> int:
    """Most connections of Puma (threads) or Sidekiq (concurrency + 1), with GitLab's headroom for each process.

    https://docs.gitlab.com/administration/postgresql/tune
    """
    return processes * (threads + headroom)
