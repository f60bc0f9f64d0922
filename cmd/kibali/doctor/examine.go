package doctor

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.temporal.io/sdk/client"

	"kibali/cmd/kibali/config"
	"kibali/notify"
	"kibali/sso"
)

// Installation is what is examined. A part that is zero could not be made of
// the configuration, which Problems say.
type Installation struct {
	Problems  config.Problems
	Database  *pgxpool.Config // as the application's role
	Owner     *pgxpool.Config // as the schema's owner; nil when it is not known here
	Temporal  client.Options
	Documents string
	Email     notify.EmailSender
	SMS       notify.SMSSender
	SecretKey []byte
	BaseURL   string
	SSO       *sso.Config // nil when staff have no identity provider
}

// checkTimeout bounds the checks of one area.
const checkTimeout = 15 * time.Second

// Examine checks every area at once and returns the findings in a fixed order.
func Examine(ctx context.Context, i Installation) Findings {
	areas := []func(context.Context, Installation) Findings{
		examineSettings, examineDatabase, examineOwner, examineTemporal, examineDocuments, examineNotices, examineSSO,
	}
	found := make([]Findings, len(areas))
	var wg sync.WaitGroup
	for n, examine := range areas {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, checkTimeout)
			defer cancel()
			found[n] = examine(ctx, i)
		})
	}
	wg.Wait()
	return slices.Concat(found...)
}
