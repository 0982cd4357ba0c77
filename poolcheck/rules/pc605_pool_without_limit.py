"""A pool has no limit: as many connections as are asked for at once.

## Why it matters
Go's `database/sql` opens a connection for each query that finds none idle, unless `SetMaxOpenConns` says how many there may
be. Under usual load that is a handful; when queries get slow, or many requests come at once, one process takes every slot
that the server has, and everybody else is refused. What should wait in the application waits nowhere. The same is meant by
a size of 0 or -1 where a driver takes that for no limit. Where instances come and go with traffic, PC603 says it.

A package that calls `SetMaxOpenConns` anywhere is not reported.

## What to do
Set a limit that all instances together can have: `poolcheck size --max N --instances N` computes it. Keep as many idle as
open (`SetMaxIdleConns`), or each busy moment opens and closes connections: two are kept by default.

```go bad go:github.com/lib/pq@v1.10.9 server
// file: main.go
package main

import (
        "database/sql"
        "net/http"
        "os"

        _ "github.com/lib/pq"
)

func main() {
        db, err := sql.Open("postgres", os.Getenv("DATABASE_URL"))
        if err != nil {
                panic(err)
        }
        http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { db.Exec("select 1") })
        http.ListenAndServe(":8080", nil)
}
```

```go good go:github.com/lib/pq@v1.10.9 server
// file: main.go
package main

import (
        "database/sql"
        "net/http"
        "os"

        _ "github.com/lib/pq"
)

func main() {
        db, err := sql.Open("postgres", os.Getenv("DATABASE_URL"))
        if err != nil {
                panic(err)
        }
        db.SetMaxOpenConns(10)
        db.SetMaxIdleConns(10)
        http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { db.Exec("select 1") })
        http.ListenAndServe(":8080", nil)
}
```

## Sources
- https://pkg.go.dev/database/sql#DB.SetMaxOpenConns
- https://go.dev/doc/database/manage-connections
"""

from collections.abc import Iterator

from poolcheck.model.connection_map import Client
from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.project import BOUNDS
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity


@rule(Client, severity=Severity.WARNING, step=2)
def check(client: Client, ctx: Context) -> Iterator[Problem]:
    """Only what the code says for certain, of a program that stays."""
    if client.once or client.package.runtime.kind in ("serverless", "edge"):
        return
    for pool in client.pools:
        if not pool.unbounded or not pool.in_code or client.package.mentions_any(BOUNDS):
            continue
        code = f", {pool.code.format(size='N')}" if pool.code else ""
        yield Problem(
            message=f"{pool.title} in {client.name} opens as many connections as are asked for at once.",
            why=f"{pool.why[:1].upper()}{pool.why[1:]}. A burst, or one slow statement, takes every slot of the server.",
            at=pool.place,
            subject=pool.variable or client.name,
            key=f"{pool.variable}:{pool.title}:{pool.place}",
            fix=Fix(
                f"Set a limit{code}: all instances together have to fit, and poolcheck size computes what does"
            ),
        )
