// Package workflows holds the cases of Kibali: a registration under review, a
// suspension in force, the closing of an account, a top-up, a password reset. Each is one finite workflow
// that owns what happens next; what is true stands in PostgreSQL and is read
// and changed by activities alone.
//
// The code is replayed, so it never reads the wall clock, the network or a
// database. It imports domain packages and, for method references only,
// activities. A change of a workflow that running cases would notice goes
// behind workflow.GetVersion, and adds a history to testdata/histories; see
// replay_test.go.
package workflows
