package api

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"regexp"
	"slices"
	"strings"

	"kibali/domain/actor"
)

//go:embed reference.html
var referenceHTML string

//go:embed reference.css
var referenceStyle string

var referenceTemplate = template.Must(template.New("reference").Funcs(template.FuncMap{
	"prose":  prose,
	"indent": indented,
}).Parse(referenceHTML))

// renderReference returns the page that shows a specification to people.
func renderReference(specification []byte) ([]byte, error) {
	var spec specDocument
	if err := json.Unmarshal(specification, &spec); err != nil {
		return nil, fmt.Errorf("read the specification: %w", err)
	}
	page := referenceData{
		Info: spec.Info, Security: spec.Components.SecuritySchemes,
		Style: template.CSS(referenceStyle), //nolint:gosec // a file of this package
	}
	for _, tag := range spec.Tags {
		group := operationGroup{Name: tag.Name, Description: tag.Description}
		for _, path := range spec.Paths {
			for _, method := range path.Value {
				if len(method.Value.Tags) > 0 && method.Value.Tags[0] == tag.Name {
					group.Operations = append(group.Operations, spec.operation(path.Name, method.Name, method.Value))
				}
			}
		}
		page.Groups = append(page.Groups, group)
	}
	for _, s := range spec.Components.Schemas {
		page.Schemas = append(page.Schemas, spec.schema(s.Name, s.Value))
	}
	var out bytes.Buffer
	if err := referenceTemplate.Execute(&out, page); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// referenceData is what the template shows.
type referenceData struct {
	Info     specInfo
	Style    template.CSS
	Groups   []operationGroup
	Security ordered[specSecurity]
	Schemas  []shownSchema
}

type operationGroup struct {
	Name, Description string
	Operations        []shownOperation
}

type shownOperation struct {
	ID, Method, Path, Summary, Description, Access string
	Recent                                         bool
	Parameters                                     []specParameter
	Bodies                                         []shownContent
	BodyRequired                                   bool
	Responses                                      []shownResponse
}

type shownContent struct {
	MediaType string
	Type      shownType
}

type shownResponse struct {
	Status, Description string
	Contents            []shownContent
}

type shownSchema struct {
	Name, Description string
	Type              shownType
	Fields            []shownField
	Example           json.RawMessage
}

type shownField struct {
	Name, Description string
	Required          bool
	Type              shownType
}

// shownType is a type in words, with the schema that it leads to.
type shownType struct {
	Before, Schema, After string
}

func (d specDocument) operation(path, method string, o specOperation) shownOperation {
	shown := shownOperation{
		ID: o.OperationID, Method: strings.ToUpper(method), Path: path,
		Summary: o.Summary, Description: o.Description, Access: accessInWords(o.Access), Recent: o.Recent,
	}
	for _, p := range o.Parameters {
		p = resolve(p, p.Ref, d.Components.Parameters)
		p.Type = typeOf(p.Schema)
		shown.Parameters = append(shown.Parameters, p)
	}
	shown.BodyRequired = o.RequestBody.Required
	shown.Bodies = contentsOf(o.RequestBody.Content)
	for _, r := range o.Responses {
		response := resolve(r.Value, r.Value.Ref, d.Components.Responses)
		shown.Responses = append(shown.Responses, shownResponse{
			Status: r.Name, Description: response.Description, Contents: contentsOf(response.Content),
		})
	}
	return shown
}

func contentsOf(content ordered[specContent]) []shownContent {
	var shown []shownContent
	for _, c := range content {
		shown = append(shown, shownContent{MediaType: c.Name, Type: typeOf(c.Value.Schema)})
	}
	return shown
}

func (d specDocument) schema(name string, s specSchema) shownSchema {
	shown := shownSchema{Name: name, Description: s.Description, Example: s.Example}
	if len(s.Properties) == 0 {
		shown.Type = typeOf(s)
	}
	for _, p := range s.Properties {
		shown.Fields = append(shown.Fields, shownField{
			Name: p.Name, Description: p.Value.Description, Required: slices.Contains(s.Required, p.Name), Type: typeOf(p.Value),
		})
	}
	return shown
}

// accessInWords says who may use an operation: x-access names a kind of
// access or a permission of staff.
func accessInWords(access string) string {
	switch access {
	case "anyone":
		return "anyone"
	case "user":
		return "a user, by a session"
	case "user, even suspended":
		return "a user, by a session, of a suspended account too"
	case "active user":
		return "the user of an active account, by a session"
	case "active user or API key":
		return "an active account, by a session or an API key"
	case "appeal":
		return "a suspended user, by the token that a refused sign-in gives"
	case "pass":
		return "an active account, by a session or an API key; a service for an account that it names"
	case "staff":
		return "staff of every role"
	case "staff session":
		return "staff of every role, by a session"
	case "applicant":
		return "the applicant, by the upload token or a session of the account"
	}
	var roles []string
	for _, role := range actor.Roles() {
		if (actor.Actor{Kind: actor.Staff, Role: role}).May(actor.Permission(access)) {
			roles = append(roles, string(role))
		}
	}
	return "staff: " + strings.Join(roles, ", ")
}

// typeOf says in words what a schema admits.
func typeOf(s specSchema) shownType {
	if s.Ref != "" {
		return shownType{Schema: s.Ref[strings.LastIndex(s.Ref, "/")+1:]}
	}
	if s.Items != nil {
		t := typeOf(*s.Items)
		t.Before = "array of " + t.Before
		return t
	}
	if len(s.OneOf) > 0 {
		t := typeOf(s.OneOf[0])
		t.After += " or null"
		return t
	}
	words := []string{strings.Join(s.Type, " or ")}
	if s.Format != "" {
		words[0] += " (" + s.Format + ")"
	}
	if len(s.Enum) > 0 {
		words[0] = strings.Join(s.Enum, " | ")
	}
	for _, bound := range []struct {
		name  string
		value *int64
	}{
		{"at least %d", s.Minimum}, {"at most %d", s.Maximum}, {"at least %d characters", s.MinLength}, {"at most %d characters", s.MaxLength},
	} {
		if bound.value != nil {
			words = append(words, fmt.Sprintf(bound.name, *bound.value))
		}
	}
	if len(s.Default) > 0 {
		words = append(words, "default "+strings.Trim(string(s.Default), `"`))
	}
	return shownType{Before: strings.Join(words, ", ")}
}

var (
	codeMark = regexp.MustCompile("`([^`]+)`")
	boldMark = regexp.MustCompile(`\*\*([^*]+)\*\*`)
)

// prose shows the little of Markdown that descriptions use: paragraphs,
// `code` and **bold**. Everything else is text.
func prose(s string) template.HTML {
	var out strings.Builder
	for paragraph := range strings.SplitSeq(strings.TrimSpace(s), "\n\n") {
		text := template.HTMLEscapeString(strings.ReplaceAll(paragraph, "\n", " "))
		text = codeMark.ReplaceAllString(text, "<code>$1</code>")
		text = boldMark.ReplaceAllString(text, "<strong>$1</strong>")
		out.WriteString("<p>" + text + "</p>\n")
	}
	return template.HTML(out.String()) //nolint:gosec // every paragraph is escaped above
}

func indented(raw json.RawMessage) (string, error) {
	var out bytes.Buffer
	err := json.Indent(&out, raw, "", "  ")
	return out.String(), err
}
