package message

import (
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// RecipientID is the id of a message's SMS to the recipient at a position, under
// which providers know it.
func RecipientID(messageID uuid.UUID, position int) string {
	return messageID.String() + "." + strconv.Itoa(position)
}

// ParseRecipientID reads an id that RecipientID made.
func ParseRecipientID(id string) (messageID uuid.UUID, position int, ok bool) {
	before, after, _ := strings.Cut(id, ".")
	messageID, err := uuid.Parse(before)
	position, numberErr := strconv.Atoi(after)
	return messageID, position, err == nil && numberErr == nil && RecipientID(messageID, position) == id
}
