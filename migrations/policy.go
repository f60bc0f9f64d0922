package migrations

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/pressly/goose/v3"

	"kibali/domain/policy"
)

// firstPolicy puts the default policy of this build in force in a new
// installation.
var firstPolicy = goose.NewGoMigration(3, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
	content, err := json.Marshal(policy.Default())
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO policies (content, note) VALUES ($1, 'The default of a new installation.')`, content)
	return err
}}, nil)
