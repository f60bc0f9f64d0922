package config

import (
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Database is how serve and worker reach PostgreSQL.
type Database struct {
	DatabaseURL  string `name:"database-url" env:"KIBALI_DATABASE_URL" placeholder:"URL" help:"PostgreSQL, as the application's role: postgres://kibali_app:...@host/kibali."`
	DatabasePool string `name:"database-pool" env:"KIBALI_DATABASE_POOL" default:"20" help:"How many connections to PostgreSQL this process may have."`
}

// Owner is how migrate reaches PostgreSQL.
type Owner struct {
	OwnerDatabaseURL string `name:"owner-database-url" env:"KIBALI_OWNER_DATABASE_URL" placeholder:"URL" help:"PostgreSQL, as the role that owns the schema: postgres://kibali_owner:...@host/kibali."`
}

// connectTimeout bounds one attempt to connect, unless the URL says another.
const connectTimeout = 5 * time.Second

// Pool returns the connections that the settings describe, for a process that
// calls itself name to the database.
func (d Database) Pool(p *Problems, name string) *pgxpool.Config {
	size, err := strconv.Atoi(d.DatabasePool)
	if err != nil || size < 2 || size > 1000 {
		p.add("KIBALI_DATABASE_POOL", "is not a number from 2 to 1000")
	}
	config := database(p, "KIBALI_DATABASE_URL", d.DatabaseURL,
		"give the address of PostgreSQL for the application's role, such as postgres://kibali_app:PASSWORD@HOST:5432/kibali")
	if config == nil {
		return nil
	}
	config.MaxConns = int32(min(max(size, 2), 1000))
	config.MaxConnLifetime = time.Hour
	config.MaxConnLifetimeJitter = 10 * time.Minute
	config.ConnConfig.RuntimeParams["application_name"] = name
	return config
}

// Pool returns how the schema's owner connects.
func (o Owner) Pool(p *Problems) *pgxpool.Config {
	return database(p, "KIBALI_OWNER_DATABASE_URL", o.OwnerDatabaseURL,
		"give the address of PostgreSQL for the role that owns the schema, such as postgres://kibali_owner:PASSWORD@HOST:5432/kibali")
}

func database(p *Problems, variable, url, do string) *pgxpool.Config {
	if !p.need(variable, url, do) {
		return nil
	}
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		// The parser's error would repeat the URL, and with it the password.
		p.add(variable, "is not an address of PostgreSQL: %s", do)
		return nil
	}
	if config.ConnConfig.ConnectTimeout == 0 || config.ConnConfig.ConnectTimeout > time.Minute {
		config.ConnConfig.ConnectTimeout = connectTimeout
	}
	return config
}
