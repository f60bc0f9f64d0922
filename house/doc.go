// Package house holds the project to its own rules. It is made of tests, which
// "make verify" and "make test" run: who may import whom, what may not be
// written anywhere, that links in the documentation lead somewhere, and that
// docker-compose.yml is what docs/operations.md says it is. Below it are the
// small programs that the Makefile runs.
//
// Nothing imports it.
package house

// The generated parts of the documentation.
//go:generate go run ./statemachine ../docs/state-machine.md
//go:generate go run ./configuration ../README.md
