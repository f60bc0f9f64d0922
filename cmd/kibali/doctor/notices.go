package doctor

import (
	"context"

	"kibali/notify"
)

func examineNotices(ctx context.Context, i Installation) Findings {
	f := &findings{area: "notices"}
	examineSender(ctx, f, " e-mail", "KIBALI_EMAIL_", i.Email)
	examineSender(ctx, f, " SMS", "KIBALI_SMS_", i.SMS)
	return f.list
}

// sender is what both kinds of sender can be asked.
type sender interface {
	Check(ctx context.Context) error
}

func examineSender(ctx context.Context, f *findings, check, prefix string, s sender) {
	if s == nil {
		f.skip(check, "%s... is missing or cannot be used", prefix)
		return
	}
	if _, inbox := s.(*notify.Inbox); inbox {
		f.add(Warning, check, "Set "+prefix+"PROVIDER to a provider that sends.", "kept in a file and sent to nobody")
		return
	}
	if err := s.Check(ctx); err != nil {
		f.add(Failed, check, "Check the "+prefix+"... variables, and the provider's own pages for its state and your balance.", "%s", cause(err))
		return
	}
	f.ok(check, "the provider answers and knows the credentials")
}
