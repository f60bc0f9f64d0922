package account

import "kibali/domain/fault"

var (
	label     = text{field: "name", max: 60, required: true}
	reference = text{field: "reference", max: 200, required: true}
)

// ParseLabel returns the name by which its owner tells a credential from
// others: one line of at most 60 characters. Its field is "name".
func ParseLabel(s string) (string, *fault.Field) { return label.parse(s) }

// ParseReference returns the name that a sender gives to a charge: one line of
// at most 200 characters. Its field is "reference".
func ParseReference(s string) (string, *fault.Field) { return reference.parse(s) }
