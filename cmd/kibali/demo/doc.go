// Package demo fills a new installation with believable accounts in every
// status, some of which have credits, keys, charges, messages, an appeal and top-ups
// that wait for a signature. They are made as real ones are: registered, given
// documents, decided about by staff and carried out by their cases; nothing is
// inserted, and nothing of it changes by itself for years.
//
// The companies and people are invented; their e-mail addresses are under a
// domain that cannot exist. The package imports service, store (to read, and
// to note uses), domain and documents/sample.
package demo
