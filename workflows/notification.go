package workflows

import (
	"go.temporal.io/sdk/workflow"

	"kibali/domain/cases"
)

// Notification tells a customer of something that no other case is about, such
// as a password that they have changed themselves.
func Notification(ctx workflow.Context, in cases.NotificationInput) error {
	tell(ctx, in.Notices)
	return nil
}

// tell sends notices, all at the same time, and returns when each is sent or
// given up.
func tell(ctx workflow.Context, notices []cases.Notice) {
	sending := workflow.NewWaitGroup(ctx)
	for _, notice := range notices {
		sending.Add(1)
		workflow.GoNamed(ctx, "notice "+notice.NoticeID.String(), func(ctx workflow.Context) {
			defer sending.Done()
			deliver(ctx, notice)
		})
	}
	sending.Wait(ctx)
}
