// Package witness sees whether every change has its audit event: triggers in a
// database of a test or of a fault run note each change of a row that the
// application makes, and each event, with their transactions. Examine tells of
// changes without an event in the same transaction, of events that are there
// twice, and of personal data in events.
//
// What is done as the owner of the database does not count: that is how tests
// bring a database into a state.
//
// It is never part of a production database, and imports devstack, migrations and
// pgx only.
package witness
