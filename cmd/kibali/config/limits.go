package config

import (
	"strconv"
	"strings"
	"time"

	"kibali/service"
)

// Limits are how often strangers and users may try things.
type Limits struct {
	LimitLogin               string `name:"limit-login" env:"KIBALI_LIMIT_LOGIN" default:"10/15m" placeholder:"N/TIME" help:"How many failures to sign in with one e-mail from one address there may be in a span of time; 0 is no limit, here and below."`
	LimitLoginAddress        string `name:"limit-login-address" env:"KIBALI_LIMIT_LOGIN_ADDRESS" default:"100/15m" placeholder:"N/TIME" help:"Failures to sign in from one address."`
	LimitLoginAccount        string `name:"limit-login-account" env:"KIBALI_LIMIT_LOGIN_ACCOUNT" default:"100/1h" placeholder:"N/TIME" help:"Failures to sign in with one e-mail from addresses that are new to its account; others are let in beyond it."`
	LimitResetAddress        string `name:"limit-reset-address" env:"KIBALI_LIMIT_RESET_ADDRESS" default:"60/1h" placeholder:"N/TIME" help:"Password resets that are asked for from one address, and as many uses of links."`
	LimitRegistrationAddress string `name:"limit-registration-address" env:"KIBALI_LIMIT_REGISTRATION_ADDRESS" default:"100/1h" placeholder:"N/TIME" help:"Registrations from one address."`
	LimitUploadAccount       string `name:"limit-upload-account" env:"KIBALI_LIMIT_UPLOAD_ACCOUNT" default:"300/1h" placeholder:"N/TIME" help:"Uploads for one account."`
	LimitExportAccount       string `name:"limit-export-account" env:"KIBALI_LIMIT_EXPORT_ACCOUNT" default:"5/24h" placeholder:"N/TIME" help:"Downloads of one's own data by the user of one account."`
	LimitUploadAddress       string `name:"limit-upload-address" env:"KIBALI_LIMIT_UPLOAD_ADDRESS" default:"600/1h" placeholder:"N/TIME" help:"Uploads from one address."`
	LimitProofAccount        string `name:"limit-proof-account" env:"KIBALI_LIMIT_PROOF_ACCOUNT" default:"10/24h" placeholder:"N/TIME" help:"Links to confirm an e-mail address, and codes to confirm a phone, for one account, and as many to one address or phone."`
	LimitProofAddress        string `name:"limit-proof-address" env:"KIBALI_LIMIT_PROOF_ADDRESS" default:"60/1h" placeholder:"N/TIME" help:"Such links and codes that are asked for from one address, and as many uses of them."`
}

// Rates returns the limits.
func (l Limits) Rates(p *Problems) service.Limits {
	return service.Limits{
		Login:               rate(p, "KIBALI_LIMIT_LOGIN", l.LimitLogin),
		LoginAddress:        rate(p, "KIBALI_LIMIT_LOGIN_ADDRESS", l.LimitLoginAddress),
		LoginAccount:        rate(p, "KIBALI_LIMIT_LOGIN_ACCOUNT", l.LimitLoginAccount),
		ResetAddress:        rate(p, "KIBALI_LIMIT_RESET_ADDRESS", l.LimitResetAddress),
		RegistrationAddress: rate(p, "KIBALI_LIMIT_REGISTRATION_ADDRESS", l.LimitRegistrationAddress),
		UploadAccount:       rate(p, "KIBALI_LIMIT_UPLOAD_ACCOUNT", l.LimitUploadAccount),
		ExportAccount:       rate(p, "KIBALI_LIMIT_EXPORT_ACCOUNT", l.LimitExportAccount),
		UploadAddress:       rate(p, "KIBALI_LIMIT_UPLOAD_ADDRESS", l.LimitUploadAddress),
		ProofAccount:        rate(p, "KIBALI_LIMIT_PROOF_ACCOUNT", l.LimitProofAccount),
		ProofAddress:        rate(p, "KIBALI_LIMIT_PROOF_ADDRESS", l.LimitProofAddress),
	}
}

// rate reads a limit such as "10/15m".
func rate(p *Problems, variable, text string) service.Rate {
	if text == "0" {
		return service.Rate{}
	}
	number, span, _ := strings.Cut(text, "/")
	most, err := strconv.Atoi(number)
	per, perErr := time.ParseDuration(span)
	if err != nil || perErr != nil || most < 1 || most > 1_000_000_000 || per < time.Second || per > 24*time.Hour {
		p.add(variable, "is neither 0 nor a number per span of time from 1s to 24h, such as 10/15m")
	}
	return service.Rate{Most: most, Per: per}
}
