package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"kibali/domain/cases"
)

// send sends the notices that are owed and not under way yet, all at the same
// time and beside everything else the case does.
func (c *correspondence) send(ctx workflow.Context, notices []cases.Notice) {
	for _, notice := range notices {
		if c.notices[notice.NoticeID] {
			continue
		}
		c.notices[notice.NoticeID] = true
		c.sending++
		workflow.GoNamed(ctx, "notice "+notice.NoticeID.String(), func(ctx workflow.Context) {
			deliver(ctx, notice)
			c.sending--
		})
	}
}

// deliver sends a notice, or gives it up when it could not be sent in time.
func deliver(ctx workflow.Context, notice cases.Notice) {
	sendCtx := notifying(ctx, fmt.Sprintf("%s: %s", notice.Channel, notice.Kind))
	err := workflow.ExecuteActivity(sendCtx, act.SendNotice, notice.NoticeID).Get(ctx, nil)
	if err == nil {
		return
	}
	workflow.GetLogger(ctx).Warn("A notice is given up.", "NoticeID", notice.NoticeID, "Error", err)
	abandonCtx := changing(ctx, fmt.Sprintf("give up %s: %s", notice.Channel, notice.Kind))
	if err := workflow.ExecuteActivity(abandonCtx, act.AbandonNotice, notice.NoticeID).Get(ctx, nil); err != nil {
		workflow.GetLogger(ctx).Error("A notice could not be given up.", "NoticeID", notice.NoticeID, "Error", err)
	}
}
