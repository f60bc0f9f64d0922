package migrations

import "context"

// upTo applies the migrations up to a version.
func upTo(ctx context.Context, url string, version int64) error {
	db, provider, err := open(url)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = provider.UpTo(ctx, version)
	return err
}

// BeforeOneRow brings a database to where a transfer was a row, and each of its
// legs another.
func BeforeOneRow(ctx context.Context, url string) error { return upTo(ctx, url, 34) }
