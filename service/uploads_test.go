package service_test

import (
	"io/fs"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/documents"
	"kibali/documents/sample"
	"kibali/domain/account"
	"kibali/domain/fault"
	"kibali/service"
)

func TestUploadsInParts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	file := sample.PDF("TIN certificate", "Kilimo Bora Ltd")
	size, half := int64(len(file)), int64(len(file)/2)
	files := func(t *testing.T, a account.Account) int {
		t.Helper()
		return b.count(t, `SELECT count(*) FROM documents WHERE account_id = $1`, a.ID)
	}
	begin := func(t *testing.T, a account.Account) uuid.UUID {
		t.Helper()
		begun, err := b.service.BeginUpload(t.Context(), self(a), a.ID, size)
		require.NoError(t, err)
		return begun.ID
	}
	send := func(t *testing.T, a account.Account, id uuid.UUID, at int64, part []byte) int64 {
		t.Helper()
		u, err := b.service.ContinueUpload(t.Context(), self(a), a.ID, id, at, part)
		require.NoError(t, err)
		return u.Received
	}

	t.Run("become one document, however often a part or the end is sent", func(t *testing.T) {
		t.Parallel()
		a := b.register(t)
		id := begin(t, a)
		require.Equal(t, half, send(t, a, id, 0, file[:half]))
		require.Equal(t, half, send(t, a, id, 0, file[:half]), "the answer was lost, and the part came again")
		_, err := b.service.FinishUpload(t.Context(), self(a), a.ID, id, "tin_certificate", "tin.pdf")
		requireFault(t, err, fault.Conflict)
		require.Equal(t, half, send(t, a, id, half, append(file[half:], '!')), "more than was said")
		require.Equal(t, half, send(t, a, id, half+1, file[half:]), "a gap")
		require.Equal(t, size, send(t, a, id, half, file[half:]))
		first, err := b.service.FinishUpload(t.Context(), self(a), a.ID, id, "tin_certificate", "tin.pdf")
		require.NoError(t, err)
		again, err := b.service.FinishUpload(t.Context(), self(a), a.ID, id, "tin_certificate", "tin.pdf")
		require.NoError(t, err)
		require.Equal(t, first.ID, again.ID)
		require.Equal(t, 1, files(t, a))
		_, body, err := b.service.OpenDocument(t.Context(), b.admin, a.ID, first.ID)
		require.NoError(t, err)
		require.Equal(t, file, drain(t, body))
		require.Zero(t, b.count(t, `SELECT count(*) FROM partial_upload_parts`))
	})
	t.Run("become one document with one file, however many times at once the end is sent", func(t *testing.T) {
		t.Parallel()
		folder := t.TempDir()
		kept, err := documents.Open(t.Context(), "file://"+folder)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, kept.Close()) })
		b := setup(t, func(c *service.Config) { c.Documents = kept })
		a := b.register(t)
		begun, err := b.service.BeginUpload(t.Context(), self(a), a.ID, size)
		require.NoError(t, err)
		_, err = b.service.ContinueUpload(t.Context(), self(a), a.ID, begun.ID, 0, file)
		require.NoError(t, err)
		race(8, func(int) {
			d, err := b.service.FinishUpload(t.Context(), self(a), a.ID, begun.ID, "tin_certificate", "tin.pdf")
			if err != nil || d.ID != begun.ID {
				t.Errorf("%v: %v", d.ID, err)
			}
		})
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM documents WHERE account_id = $1`, a.ID))
		var stored int
		require.NoError(t, filepath.WalkDir(folder, func(_ string, e fs.DirEntry, err error) error {
			if err == nil && !e.IsDir() {
				stored++
			}
			return err
		}))
		require.Equal(t, 1, stored)
	})
	t.Run("are refused for their content as a whole file is, and forgotten", func(t *testing.T) {
		t.Parallel()
		a := b.register(t)
		begun, err := b.service.BeginUpload(t.Context(), self(a), a.ID, 5)
		require.NoError(t, err)
		send(t, a, begun.ID, 0, []byte("hello"))
		_, err = b.service.FinishUpload(t.Context(), self(a), a.ID, begun.ID, "tin_certificate", "tin.pdf")
		requireFault(t, err, fault.UnsupportedMediaType, "file")
		_, err = b.service.PartialUpload(t.Context(), self(a), a.ID, begun.ID)
		requireFault(t, err, fault.NotFound)
		require.Zero(t, files(t, a))
	})
	t.Run("are bounded, in size and number", func(t *testing.T) {
		t.Parallel()
		a := b.register(t)
		_, err := b.service.BeginUpload(t.Context(), self(a), a.ID, 10<<20+1)
		requireFault(t, err, fault.TooLarge)
		_, err = b.service.BeginUpload(t.Context(), self(a), a.ID, 0)
		requireFault(t, err, fault.Invalid, "file")
		first := begin(t, a)
		for range 3 {
			begin(t, a)
		}
		_, err = b.service.PartialUpload(t.Context(), self(a), a.ID, first)
		requireFault(t, err, fault.NotFound)
		require.Equal(t, 3, b.count(t, `SELECT count(*) FROM partial_uploads WHERE account_id = $1`, a.ID))
	})
	t.Run("are nobody else's", func(t *testing.T) {
		t.Parallel()
		a, other := b.register(t), b.register(t)
		id := begin(t, a)
		_, err := b.service.ContinueUpload(t.Context(), self(other), other.ID, id, 0, file)
		requireFault(t, err, fault.NotFound)
		_, err = b.service.ContinueUpload(t.Context(), self(other), a.ID, id, 0, file)
		requireFault(t, err, fault.Forbidden)
		_, err = b.service.FinishUpload(t.Context(), self(other), other.ID, id, "tin_certificate", "tin.pdf")
		requireFault(t, err, fault.NotFound)
	})
	t.Run("count once against the limit", func(t *testing.T) {
		t.Parallel()
		b := setup(t, limited(service.Limits{UploadAccount: service.Rate{Most: 2, Per: time.Hour}, UploadAddress: service.Rate{Most: 2, Per: time.Hour}}))
		a := b.register(t)
		for range 2 {
			begun, err := b.service.BeginUpload(t.Context(), self(a), a.ID, size)
			require.NoError(t, err)
			_, err = b.service.ContinueUpload(t.Context(), self(a), a.ID, begun.ID, 0, file)
			require.NoError(t, err)
			_, err = b.service.FinishUpload(t.Context(), self(a), a.ID, begun.ID, "tin_certificate", "tin.pdf")
			require.NoError(t, err)
		}
		_, err := b.service.BeginUpload(t.Context(), self(a), a.ID, size)
		requireFault(t, err, fault.RateLimited)
		_, err = b.service.Upload(t.Context(), self(a), a.ID, pdf("other"))
		requireFault(t, err, fault.RateLimited)
	})
	t.Run("are not begun where no documents are taken", func(t *testing.T) {
		t.Parallel()
		a := b.put(t, b.register(t), account.Active, "")
		_, err := b.service.BeginUpload(t.Context(), self(a), a.ID, size)
		requireFault(t, err, fault.Conflict)
	})
}

func TestSweep_forgets_uploads_that_were_given_up(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := b.register(t)
	begun, err := b.service.BeginUpload(t.Context(), self(a), a.ID, 10)
	require.NoError(t, err)
	_, err = b.service.ContinueUpload(t.Context(), self(a), a.ID, begun.ID, 0, []byte("hello"))
	require.NoError(t, err)
	b.ahead.Store(int64(25 * time.Hour))
	_, err = b.service.Sweep(t.Context())
	require.NoError(t, err)
	require.Zero(t, b.count(t, `SELECT count(*) FROM partial_uploads`))
	require.Zero(t, b.count(t, `SELECT count(*) FROM partial_upload_parts`))
}
