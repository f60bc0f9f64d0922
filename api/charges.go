package api

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"kibali/service"
	"kibali/store"
	"kibali/web"
)

// CreateCharge serves POST /v1/gate/charges.
func (s *server) CreateCharge(c *gin.Context) {
	key, err := web.RequiredIdempotencyKey(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	var body NewCharge
	if err := web.Decode(c, &body); err != nil {
		web.Fail(c, err)
		return
	}
	charge := func() (store.Posted, error) {
		caller := web.CallerOf(c)
		return s.service.Charge(c.Request.Context(), caller.Actor, service.ChargeAsk{
			AccountID: body.AccountID, Amount: body.Amount, Reference: body.Reference, Key: key, KeyEpoch: caller.KeyEpoch,
		})
	}
	posted, err := charge()
	switch {
	case errors.Is(err, store.ErrKeyEpoch):
		if err = web.Prove(c); err == nil {
			posted, err = charge()
		}
	case err == nil && posted.Replayed:
		err = web.Prove(c)
	}
	if err != nil {
		web.Fail(c, err)
		return
	}
	web.NoteAccountUse(c, posted.AccountID())
	web.JSON(c, http.StatusCreated, Charged{
		Charge: Charge{
			ID: posted.ID, AccountID: posted.AccountID(), Amount: posted.Amount, Reference: posted.Reference, CreatedAt: posted.CreatedAt.UTC(),
		},
		Credits: creditsAfter(posted),
	})
}

// RefundCharge serves POST /v1/gate/charges/{id}/refund.
func (s *server) RefundCharge(c *gin.Context, id uuid.UUID) {
	key, err := web.RequiredIdempotencyKey(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	var body NewRefund
	if err := web.DecodeOptional(c, &body); err != nil {
		web.Fail(c, err)
		return
	}
	posted, err := s.service.RefundCharge(c.Request.Context(), web.CallerOf(c).Actor, service.RefundAsk{
		ChargeID: id, Amount: body.Amount, Key: key,
	})
	if err != nil {
		web.Fail(c, err)
		return
	}
	web.JSON(c, http.StatusCreated, Refunded{
		Refund: Refund{
			ID: posted.ID, ChargeID: id, AccountID: posted.AccountID(), Amount: posted.Amount, CreatedAt: posted.CreatedAt.UTC(),
		},
		Credits: creditsAfter(posted),
	})
}

// creditsAfter is what the account had after a transfer.
func creditsAfter(posted store.Posted) Credits {
	return Credits{Available: posted.Entry.AvailableAfter, Held: posted.Entry.HeldAfter}
}
