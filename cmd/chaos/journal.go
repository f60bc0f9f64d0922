package main

import (
	"slices"
	"sync"

	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/domain/cases"
)

// journal is what clients were promised. The checks read nothing else of what
// happened: it is compared with what the servers hold. It is safe for
// concurrent use.
type journal struct {
	mu         sync.Mutex
	accounts   []acknowledgedAccount
	uploads    []acknowledgedUpload
	operations []*operation
	postings   []*posting
	races      []race
}

type acknowledgedAccount struct {
	id    uuid.UUID
	email string
}

type acknowledgedUpload struct {
	id      uuid.UUID
	account uuid.UUID
	sha256  string
}

// operation is one decision that a client asked for, under one key. Its note
// is its own, so that every row that came of it can be told.
type operation struct {
	account uuid.UUID
	kind    account.Action
	note    string
	amount  int64        // of a top-up
	wants   cases.Result // how it must end
	call    call
	answer  answer // status 0: its outcome was never learned
	// decision is the one that was acknowledged, or nil.
	decision uuid.UUID
}

// race is an application that many decided on at once.
type race struct {
	account  uuid.UUID
	decision uuid.UUID
	kind     account.Action
}

func (j *journal) registered(id uuid.UUID, email string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.accounts = append(j.accounts, acknowledgedAccount{id, email})
}

func (j *journal) uploaded(u acknowledgedUpload) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.uploads = append(j.uploads, u)
}

func (j *journal) asked(o *operation) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.operations = append(j.operations, o)
}

func (j *journal) posted(p *posting) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.postings = append(j.postings, p)
}

func (j *journal) raced(r race) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.races = append(j.races, r)
}

// entries is what a journal holds at one time.
type entries struct {
	accounts   []acknowledgedAccount
	uploads    []acknowledgedUpload
	operations []operation
	postings   []posting
	races      []race
}

// read copies the journal. Nobody may be asking for anything meanwhile.
func (j *journal) read() entries {
	j.mu.Lock()
	defer j.mu.Unlock()
	e := entries{accounts: slices.Clone(j.accounts), uploads: slices.Clone(j.uploads), races: slices.Clone(j.races)}
	for _, o := range j.operations {
		e.operations = append(e.operations, *o)
	}
	for _, p := range j.postings {
		e.postings = append(e.postings, *p)
	}
	return e
}
