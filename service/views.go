package service

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/store"
)

const (
	maxViewName = 60
	maxViews    = 30 // of one staff member
)

// SaveView keeps a filter and sort of the list of accounts under a name, for the
// one who saves it alone; one of the same name is replaced. It returns
// fault.Invalid for a name that is missing, too long, or one too many. It is no
// part of the record: it changes what nobody else sees.
func (s *Service) SaveView(ctx context.Context, by actor.Actor, v store.SavedView) error {
	if err := permitted(by, actor.ReadAccounts); err != nil {
		return err
	}
	v.ID, v.StaffID, v.CreatedAt = newID(), by.ID, s.now()
	v.Name = strings.Join(strings.Fields(v.Name), " ")
	switch {
	case v.Name == "":
		return fault.InvalidFields(fault.Field{Field: "name", Code: account.CodeRequired, Detail: "Must be given."})
	case utf8.RuneCountInString(v.Name) > maxViewName:
		return fault.InvalidFields(fault.Field{Field: "name", Code: account.CodeTooLong, Limit: maxViewName, Detail: "Is too long: at most 60 characters."})
	}
	kept, err := s.store.SaveView(ctx, v, maxViews)
	if err == nil && !kept {
		err = fault.InvalidFields(fault.Field{Field: "name", Code: "too_many", Detail: "There are 30 saved views: delete one first."})
	}
	return err
}

// DeleteView drops a view that its owner has saved, where there is one.
func (s *Service) DeleteView(ctx context.Context, by actor.Actor, id uuid.UUID) error {
	if err := permitted(by, actor.ReadAccounts); err != nil {
		return err
	}
	return s.store.DeleteView(ctx, by.ID, id)
}
