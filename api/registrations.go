package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"kibali/domain/account"
	"kibali/store"
	"kibali/web"
)

// Register serves POST /v1/registrations.
func (s *server) Register(c *gin.Context) {
	var body Registration
	if err := web.Decode(c, &body); err != nil {
		web.Fail(c, err)
		return
	}
	registered, err := s.service.Register(c.Request.Context(), web.CallerOf(c).Actor, account.Application{
		Name: body.Name, Email: body.Email, Phone: body.Phone, Locale: string(given(body.Locale)), Company: companyOf(body.Company),
	}, body.Password)
	if err != nil {
		web.Fail(c, err)
		return
	}
	web.JSON(c, http.StatusCreated, Registered{
		Account: accountJSON(store.AccountView{Account: registered.Account}), UploadToken: registered.UploadToken,
	})
}

func companyOf(body CompanyApplication) account.Company {
	return account.Company{
		Name: body.Name, Industry: string(body.Industry), RegistrationNumber: given(body.RegistrationNumber),
		TIN: given(body.Tin), Website: given(body.Website), Address: given(body.Address),
	}
}
