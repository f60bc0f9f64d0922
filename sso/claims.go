package sso

import (
	"strings"
	"time"

	"kibali/domain/actor"
	"kibali/domain/fault"
)

// claims are what an ID token says.
type claims map[string]any

// text returns a claim that is text, "" for another one.
func (c claims) text(name string) string {
	text, _ := c[name].(string)
	return text
}

// truth reports whether a claim is true. Some providers write that as text.
func (c claims) truth(name string) bool { return c[name] == true || c[name] == "true" }

// time returns a claim that is a time in seconds, the zero time for another one.
func (c claims) time(name string) time.Time {
	seconds, ok := c[name].(float64)
	if !ok || seconds <= 0 {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0).UTC()
}

// list returns a claim that is a text or a list of texts, by its name or, where
// there is none of that name, by its path.
func (c claims) list(path string) []string {
	var value any = map[string]any(c)
	if _, ok := c[path]; ok {
		value = c[path]
	} else {
		for part := range strings.SplitSeq(path, ".") {
			inner, ok := value.(map[string]any)
			if !ok {
				return nil
			}
			value = inner[part]
		}
	}
	switch found := value.(type) {
	case string:
		return []string{found}
	case []any:
		var texts []string
		for _, each := range found {
			if text, ok := each.(string); ok {
				texts = append(texts, text)
			}
		}
		return texts
	}
	return nil
}

// Roles say which value of the claim gives which role. The first one counts that
// somebody has.
type Roles []Rule

// Rule is a value of the claim and the role that it gives.
type Rule struct {
	Value string
	Role  actor.Role
}

// ParseRoles reads roles that are written as "value=role,value=role". It returns
// fault.Invalid when there is none, or one that cannot be read.
func ParseRoles(text string) (Roles, error) {
	var roles Roles
	for part := range strings.SplitSeq(text, ",") {
		at := strings.LastIndex(part, "=")
		if at < 0 {
			return nil, fault.New(fault.Invalid, "It is written as value=role,value=role.")
		}
		value := strings.TrimSpace(part[:at])
		role, field := actor.ParseRole(strings.TrimSpace(part[at+1:]))
		if field != nil || value == "" {
			return nil, fault.New(fault.Invalid, "It is written as value=role,value=role with the roles admin, reviewer, finance, support and auditor.")
		}
		roles = append(roles, Rule{value, role})
	}
	return roles, nil
}

// of returns the role that somebody has by the values of their claim.
func (r Roles) of(values []string) actor.Role {
	for _, rule := range r {
		for _, value := range values {
			if value == rule.Value {
				return rule.Role
			}
		}
	}
	return ""
}
