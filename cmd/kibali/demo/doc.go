// Package demo fills a new installation with believable accounts in every
// status. They are made as real ones are: registered, given documents, decided
// about by staff and carried out by their cases; nothing is inserted.
//
// The companies and people are invented; their e-mail addresses are under a
// domain that cannot exist. The package imports service, store.Reader, domain
// and documents/sample.
package demo
