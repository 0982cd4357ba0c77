"""Pools in Go: what each form comes to, as the documentation of its driver has it."""

import pytest

from tests.readers.code.reading import sites, sizes

PGX = 'package db\n\nimport (\n\t"context"\n\t"os"\n\t"strconv"\n\t"fmt"\n\t"github.com/jackc/pgx/v5"\n\t"github.com/jackc/pgx/v5/pgxpool"\n)\n'
SQL = 'package db\n\nimport (\n\t"database/sql"\n\t_ "github.com/lib/pq"\n\t"github.com/spf13/viper"\n)\n'
OPEN = """
func Open(ctx context.Context, url string) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	BODY
	return pgxpool.NewWithConfig(ctx, cfg)
}
"""


@pytest.mark.parametrize(
    ("body", "size"),
    [
        ("cfg.MaxConns = 25", "25"),
        ("cfg.MaxConns = int32(25)", "25"),
        ("const most = 4 * 5\n\tcfg.MaxConns = most", "20"),
        ('cfg.MaxConns = int32(getEnvInt("DB_MAX_CONNS", 10))', "${DB_MAX_CONNS:-10}"),
        ('n := getEnvAsInt("DB_MAX_CONNS", 10)\n\tcfg.MaxConns = int32(n)', "${DB_MAX_CONNS:-10}"),
        ('n, _ := strconv.Atoi(os.Getenv("DB_MAX_CONNS"))\n\tcfg.MaxConns = int32(n)', "${DB_MAX_CONNS}"),
        (
            'n, err := strconv.Atoi(os.Getenv("DB_MAX_CONNS"))\n\tif err != nil {\n\t\tn = 12\n\t}\n\tcfg.MaxConns = int32(n)',
            "${DB_MAX_CONNS:-12}",
        ),
        (
            'cfg.MaxConns = 8\n\tif v := os.Getenv("POOL"); v != "" {\n\t\tif n, err := strconv.Atoi(v); err == nil {\n\t\t\tcfg.MaxConns = int32(n)\n\t\t}\n\t}',
            "${POOL:-8}",
        ),
        ("if big {\n\t\tcfg.MaxConns = 50\n\t} else {\n\t\tcfg.MaxConns = 5\n\t}", "..."),
        ("if big {\n\t\tcfg.MaxConns = 50\n\t}", "..."),
        ("cfg.MaxConns = int32(runtime.NumCPU() * 4)", "..."),
        ("cfg.MaxConns = settings.MaxConns", "settings.MaxConns"),
        ("cfg.MaxConns = 5\n\tcfg.MaxConns = 6", "6"),
        ("cfg.MinConns = 5", None),
    ],
)
def test_a_config_of_pgxpool(body: str, size: str | None) -> None:
    """MaxConns is set on what ParseConfig gives, and a branch that decides between numbers is a question."""
    assert sizes(PGX + OPEN.replace("BODY", body), "db.go") == [size]


def test_parameters_of_the_string() -> None:
    """pool_max_conns is pgxpool's own word in the connection string."""
    made = 'func f(ctx context.Context) {\n\tdsn := fmt.Sprintf("postgres://%s/app?pool_max_conns=15", host)\n\tpool, _ := pgxpool.New(ctx, dsn)\n\t_ = pool\n}\n'
    assert sizes(PGX + made, "db.go") == ["15"]
    assert sizes(PGX + made.replace("=15", "=%d"), "db.go") == ["..."]


def test_two_pools_do_not_share_a_size() -> None:
    """Each is made of its own config."""
    body = """
func f(ctx context.Context) {
	a, _ := pgxpool.ParseConfig(os.Getenv("DATABASE_URL"))
	a.MaxConns = 20
	b, _ := pgxpool.ParseConfig(os.Getenv("REPLICA_URL"))
	b.MaxConns = 5
	one, _ := pgxpool.NewWithConfig(ctx, a)
	two, _ := pgxpool.NewWithConfig(ctx, b)
	use(one, two)
}
"""
    assert sizes(PGX + body, "db.go") == ["20", "5"]
    assert [site.url for site in sites(PGX + body, "db.go")] == ["DATABASE_URL", "REPLICA_URL"]


def test_settings_that_are_loaded_in_the_file() -> None:
    """A struct that a function of the file fills in from the environment."""
    body = """
type Settings struct {
	URL string
	Max int32
}

func load() *Settings {
	return &Settings{URL: os.Getenv("DATABASE_URL"), Max: int32(envInt("DB_MAX", 14))}
}

func main() {
	s := load()
	cfg, err := pgxpool.ParseConfig(s.URL)
	cfg.MaxConns = s.Max
	pool, err := pgxpool.NewWithConfig(context.Background(), cfg)
	run(pool, err)
}
"""
    (site,) = sites(PGX + body, "cmd/api/main.go")
    assert (site.option("MaxConns"), site.url, site.scope) == ("${DB_MAX:-14}", "DATABASE_URL", "module")


@pytest.mark.parametrize(
    ("body", "size"),
    [
        ('db, err := sql.Open("postgres", dsn)\n\tdb.SetMaxOpenConns(40)', ["40"]),
        ('db, err := sql.Open("pgx", dsn)', [None]),
        ('db, err := sql.Open("mysql", dsn)\n\tdb.SetMaxOpenConns(40)', []),
        ('db, err := sql.Open("sqlite3", "x.db")', []),
        ("db, err := sql.Open(driver, dsn)\n\tdb.SetMaxOpenConns(4)", ["4"]),
        ('db, err := sql.Open("postgres", dsn)\n\tconfigure(db, 30)', ["30"]),
        (
            'db, err := sql.Open("postgres", dsn)\n\tdb.SetMaxOpenConns(viper.GetInt("db.max-open"))',
            ["${DB_MAX_OPEN}"],
        ),
        ('s := &Store{}\n\ts.db, err = sql.Open("postgres", dsn)\n\ts.db.SetMaxOpenConns(9)', ["9"]),
        ("db := sql.OpenDB(pq.NewConnector(dsn))", []),
    ],
)
def test_database_sql(body: str, size: list[str | None]) -> None:
    """Its pool has a size once SetMaxOpenConns has been called, and is PostgreSQL's where the driver is."""
    after = "\nfunc configure(db *sql.DB, n int) {\n\tdb.SetMaxOpenConns(n)\n}\n"
    assert sizes(f"{SQL}func f(dsn string) {{\n\t{body}\n}}\n{after}", "db.go") == size


def test_gorm_sqlx_and_bun() -> None:
    """Each stands on database/sql's pool and hands it out in its own way."""
    gorm = """package db
import (
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
)
func f(dsn string) (*gorm.DB, error) {
	db, err := gorm.Open(postgres.Open(dsn), &gorm.Config{PrepareStmt: true})
	sqlDB, err := db.DB()
	sqlDB.SetMaxOpenConns(50)
	return db, err
}
"""
    assert sizes(gorm, "db.go") == ["50"]
    given = gorm.replace("postgres.Open(dsn)", "postgres.New(postgres.Config{Conn: other})")
    assert sizes(given, "db.go") == []
    sqlx = 'package db\nimport "github.com/jmoiron/sqlx"\nfunc f() {\n\tdb := sqlx.MustConnect("postgres", dsn)\n\tdb.DB.SetMaxOpenConns(7)\n}\n'
    assert sizes(sqlx, "db.go") == ["7"]
    bun = """package db
import (
	"database/sql"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/driver/pgdriver"
)
func f(dsn string) *bun.DB {
	sqldb := sql.OpenDB(pgdriver.NewConnector(pgdriver.WithDSN(dsn)))
	sqldb.SetMaxOpenConns(18)
	return bun.NewDB(sqldb, pgdialect.New())
}
"""
    assert sizes(bun, "db.go") == ["18"]


def test_a_connection_for_each_request() -> None:
    """A handler is told by what it is handed."""
    body = 'func get(w http.ResponseWriter, r *http.Request) {\n\tconn, err := pgx.Connect(r.Context(), os.Getenv("DATABASE_URL"))\n}\n'
    (site,) = sites(PGX + body, "api.go")
    assert (site.kind, site.scope, site.within, site.url) == (
        "pgx",
        "request",
        "the handler get()",
        "DATABASE_URL",
    )


def test_a_name_of_ones_own_is_no_package() -> None:
    """pgxpool here is a variable."""
    body = "func f(ctx context.Context, pgxpool maker) {\n\tpgxpool.New(ctx, url)\n}\n"
    assert sizes(PGX + body, "db.go") == []
