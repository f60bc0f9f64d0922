package store

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/stretchr/testify/require"
)

func TestIdsGoAsTheyAre(t *testing.T) {
	t.Parallel()
	m := pgtype.NewMap()
	registerTypes(m)
	id, other := uuid.New(), uuid.New()

	encoded, err := m.Encode(pgtype.UUIDOID, pgtype.BinaryFormatCode, id, nil)
	require.NoError(t, err)
	require.Equal(t, id[:], encoded)
	encoded, err = m.Encode(pgtype.UUIDOID, pgtype.BinaryFormatCode, &id, nil)
	require.NoError(t, err)
	require.Equal(t, id[:], encoded)
	encoded, err = m.Encode(pgtype.UUIDOID, pgtype.BinaryFormatCode, (*uuid.UUID)(nil), nil)
	require.NoError(t, err)
	require.Nil(t, encoded, "NULL")

	var read uuid.UUID
	require.NoError(t, m.Scan(pgtype.UUIDOID, pgtype.BinaryFormatCode, id[:], &read))
	require.Equal(t, id, read)
	require.NoError(t, m.Scan(pgtype.UUIDOID, pgtype.TextFormatCode, []byte(other.String()), &read))
	require.Equal(t, other, read)
	require.Error(t, m.Scan(pgtype.UUIDOID, pgtype.BinaryFormatCode, nil, &read), "NULL is no id")
	require.Error(t, m.Scan(pgtype.UUIDOID, pgtype.BinaryFormatCode, id[:7], &read))
	maybe := &id
	require.NoError(t, m.Scan(pgtype.UUIDOID, pgtype.BinaryFormatCode, nil, &maybe))
	require.Nil(t, maybe)

	noon := time.Date(2026, 11, 27, 12, 0, 0, 123456000, time.UTC)
	for _, elements := range [][]uuid.UUID{{}, {id}, {id, other}} {
		encoded, err = m.Encode(pgtype.UUIDArrayOID, pgtype.BinaryFormatCode, uuids(elements), nil)
		require.NoError(t, err)
		var ids []uuid.UUID
		require.NoError(t, m.Scan(pgtype.UUIDArrayOID, pgtype.BinaryFormatCode, encoded, &ids))
		require.Equal(t, elements, ids)
	}
	encoded, err = m.Encode(pgtype.TimestamptzArrayOID, pgtype.BinaryFormatCode, times{unixMicro(noon.UnixMicro()), 0}, nil)
	require.NoError(t, err)
	var moments []time.Time
	require.NoError(t, m.Scan(pgtype.TimestamptzArrayOID, pgtype.BinaryFormatCode, encoded, &moments))
	require.Equal(t, []time.Time{noon, time.UnixMicro(0).UTC()}, moments)
}
