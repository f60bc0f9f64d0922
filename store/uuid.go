package store

import (
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
	pgxuuid "github.com/vgarvardt/pgx-google-uuid/v5"
)

// uuidCodec has ids go as they are. What it embeds does so too, but is asked
// only after the methods that ids have for text, and in passing allocates each.
type uuidCodec struct{ pgxuuid.UUIDCodec }

// PlanScan implements pgtype.Codec.
func (c uuidCodec) PlanScan(m *pgtype.Map, oid uint32, format int16, target any) pgtype.ScanPlan {
	if _, ok := target.(*uuid.UUID); ok && format == pgtype.BinaryFormatCode {
		return scanUUID{m: m, oid: oid}
	}
	return c.UUIDCodec.PlanScan(m, oid, format, target)
}

// PlanEncode implements pgtype.Codec.
func (c uuidCodec) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	if format == pgtype.BinaryFormatCode {
		switch value.(type) {
		case uuid.UUID, *uuid.UUID:
			return encodeUUID{}
		}
	}
	return c.UUIDCodec.PlanEncode(m, oid, format, value)
}

// scanUUID is a pgtype.ScanPlan into a *uuid.UUID.
type scanUUID struct {
	m   *pgtype.Map
	oid uint32
}

func (p scanUUID) Scan(source []byte, target any) error {
	id := target.(*uuid.UUID)
	if len(source) == len(id) {
		copy(id[:], source)
		return nil
	}
	// It is NULL, or broken: the wrapper knows what to say.
	return p.m.PlanScan(p.oid, pgtype.BinaryFormatCode, (*pgxuuid.UUID)(id)).Scan(source, (*pgxuuid.UUID)(id))
}

// encodeUUID is a pgtype.EncodePlan of a uuid.UUID or a *uuid.UUID.
type encodeUUID struct{}

func (encodeUUID) Encode(value any, buffer []byte) ([]byte, error) {
	switch id := value.(type) {
	case uuid.UUID:
		return append(buffer, id[:]...), nil
	case *uuid.UUID:
		return append(buffer, id[:]...), nil
	default:
		return nil, fmt.Errorf("encode %T as a UUID", value)
	}
}

// uuids and times are arguments for arrays of which thousands of elements go a
// second: nothing is allocated for each.
type (
	uuids []uuid.UUID
	times []unixMicro

	// unixMicro is a time in microseconds since 1970.
	unixMicro int64
)

var (
	_ pgtype.ArrayGetter       = uuids(nil)
	_ pgtype.ArrayGetter       = times(nil)
	_ pgtype.TimestamptzValuer = (*unixMicro)(nil)
)

func (u uuids) Dimensions() []pgtype.ArrayDimension { return dimensions(len(u)) }
func (u uuids) Index(i int) any                     { return &u[i] }
func (u uuids) IndexType() any                      { return new(uuid.UUID) }

func (t times) Dimensions() []pgtype.ArrayDimension { return dimensions(len(t)) }
func (t times) Index(i int) any                     { return &t[i] }
func (t times) IndexType() any                      { return new(unixMicro) }

// TimestamptzValue implements pgtype.TimestamptzValuer.
func (t *unixMicro) TimestamptzValue() (pgtype.Timestamptz, error) {
	return pgtype.Timestamptz{Time: time.UnixMicro(int64(*t)), Valid: true}, nil
}

func dimensions(n int) []pgtype.ArrayDimension {
	return []pgtype.ArrayDimension{{Length: int32(n), LowerBound: 1}}
}
