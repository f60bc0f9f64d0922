package policy

import (
	"time"

	"kibali/domain/fault"
)

// Sessions are how long users and staff stay signed in. A session keeps what was
// in force when it began.
type Sessions struct {
	User  Session `json:"user"`
	Staff Session `json:"staff"`
}

// Session ends when it was not used for Idle, and after Life at the latest.
type Session struct {
	Idle Duration `json:"idle"`
	Life Duration `json:"life"`
}

// The bounds of what may be set. Use is written down once a minute, so that less
// than some of them could end a session that is used.
const (
	leastIdle   = 5 * time.Minute
	longestLife = 30 * 24 * time.Hour
)

func defaultSessions() Sessions {
	return Sessions{
		User:  Session{Idle: Duration(2 * time.Hour), Life: Duration(12 * time.Hour)},
		Staff: Session{Idle: Duration(time.Hour), Life: Duration(12 * time.Hour)},
	}
}

// refuse returns what is wrong with how long sessions are to last.
func (s Sessions) refuse() []fault.Field {
	var bad []fault.Field
	for field, session := range map[string]Session{"sessions.user": s.User, "sessions.staff": s.Staff} {
		idle, life := time.Duration(session.Idle), time.Duration(session.Life)
		if idle < leastIdle || life < idle || life > longestLife {
			bad = append(bad, fault.Field{
				Field: field, Code: "invalid", Detail: "Must end after 5 minutes without use or more, and after 30 days at the latest, which is no sooner.",
			})
		}
	}
	return bad
}
