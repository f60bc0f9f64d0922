package api

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"kibali/web"
)

// BeginSecondFactor serves POST /v1/staff/me/second-factor.
func (s *server) BeginSecondFactor(c *gin.Context) {
	made, err := s.service.BeginFactor(c.Request.Context(), web.CallerOf(c).Actor)
	if err != nil {
		web.Fail(c, err)
		return
	}
	web.JSON(c, http.StatusCreated, NewSecondFactor{Secret: made.Secret, OtpauthURL: made.URL})
}

// ConfirmSecondFactor serves POST /v1/staff/me/second-factor/confirm.
func (s *server) ConfirmSecondFactor(c *gin.Context) {
	var body SecondFactorCode
	if err := web.Decode(c, &body); err != nil {
		web.Fail(c, err)
		return
	}
	caller := web.CallerOf(c)
	codes, err := s.service.ConfirmFactor(c.Request.Context(), caller.Actor, *caller.Session, body.Code)
	if err != nil {
		web.Fail(c, err)
		return
	}
	web.JSON(c, http.StatusOK, RecoveryCodes{RecoveryCodes: codes})
}

// NewRecoveryCodes serves POST /v1/staff/me/recovery-codes.
func (s *server) NewRecoveryCodes(c *gin.Context) {
	codes, err := s.service.NewRecoveryCodes(c.Request.Context(), web.CallerOf(c).Actor)
	if err != nil {
		web.Fail(c, err)
		return
	}
	web.JSON(c, http.StatusOK, RecoveryCodes{RecoveryCodes: codes})
}

func (s *server) secondFactorJSON(c *gin.Context, staffID uuid.UUID) (SecondFactor, error) {
	factor, err := s.reader.Factor(c.Request.Context(), staffID)
	if err != nil {
		return SecondFactor{}, err
	}
	left, err := s.reader.RecoveryCodesLeft(c.Request.Context(), staffID)
	return SecondFactor{Required: s.secondFactor, ConfirmedAt: utc(factor.ConfirmedAt), RecoveryCodesLeft: left}, err
}
