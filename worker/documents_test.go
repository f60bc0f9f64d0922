package worker_test

import (
	"bytes"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/documents/sample"
	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/domain/policy"
	"kibali/service"
)

func TestDocumentsAfterARequestForChanges(t *testing.T) {
	t.Parallel()
	s := setup(t, func(p *policy.Policy) { p.MaxDocuments = 2 })
	s.work(t, buildID)
	a := s.register(t)
	add := func() (uuid.UUID, error) {
		d, err := s.service.Upload(t.Context(), actor.Actor{Kind: actor.Account, ID: a.ID}, a.ID, service.Upload{
			FileName: "tin.jpg", Body: bytes.NewReader(sample.JPEG(200, 140, 3)), Kind: func() (string, error) { return "other", nil },
		})
		return d.ID, err
	}
	refused := func() {
		t.Helper()
		_, err := add()
		require.True(t, fault.Is(err, fault.Conflict), "%v", err)
	}
	for range 2 {
		id, err := add()
		require.NoError(t, err)
		s.prepared(t, id)
	}
	refused()

	mustDo(t)(s.service.RequestChanges(t.Context(), s.staff, s.reason(a.ID, "documents_missing")))
	first, err := add()
	require.NoError(t, err)
	s.prepared(t, first)
	require.Equal(t, account.InReview, s.account(t, a.ID).Stage)
	_, err = add()
	require.NoError(t, err, "the request is answered in parts")
	refused()
}
