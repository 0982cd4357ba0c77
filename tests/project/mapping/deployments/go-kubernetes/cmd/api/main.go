package main

import (
	"context"
	"os"

	"github.com/jackc/pgx/v5/pgxpool"
)

func main() {
	config, _ := pgxpool.ParseConfig(os.Getenv("DATABASE_URL"))
	config.MaxConns = 20
	pool, _ := pgxpool.NewWithConfig(context.Background(), config)
	defer pool.Close()
}
