// Package account says what an account is and what may happen to it: its
// status and stage, the one table of transitions, and what a valid
// application is. It is pure: no I/O, no clock, no ids made here. It imports
// the standard library, domain/fault and parsing libraries only.
package account
