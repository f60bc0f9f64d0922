package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// specDocument is what the reference page reads of the specification.
type specDocument struct {
	Info specInfo `json:"info"`
	Tags []struct {
		Name        string `json:"name"`
		Description string `json:"description"`
	} `json:"tags"`
	Paths      ordered[ordered[specOperation]] `json:"paths"`
	Components struct {
		SecuritySchemes ordered[specSecurity]  `json:"securitySchemes"`
		Parameters      ordered[specParameter] `json:"parameters"`
		Responses       ordered[specResponse]  `json:"responses"`
		Schemas         ordered[specSchema]    `json:"schemas"`
	} `json:"components"`
}

type specInfo struct {
	Title       string `json:"title"`
	Version     string `json:"version"`
	Summary     string `json:"summary"`
	Description string `json:"description"`
}

type specSecurity struct {
	Description string `json:"description"`
}

type specOperation struct {
	OperationID string          `json:"operationId"`
	Tags        []string        `json:"tags"`
	Summary     string          `json:"summary"`
	Description string          `json:"description"`
	Access      string          `json:"x-access"`
	Recent      bool            `json:"x-recent"`
	Parameters  []specParameter `json:"parameters"`
	RequestBody struct {
		Required bool                 `json:"required"`
		Content  ordered[specContent] `json:"content"`
	} `json:"requestBody"`
	Responses ordered[specResponse] `json:"responses"`
}

type specParameter struct {
	Ref         string     `json:"$ref"`
	Name        string     `json:"name"`
	In          string     `json:"in"`
	Required    bool       `json:"required"`
	Description string     `json:"description"`
	Schema      specSchema `json:"schema"`
	Type        shownType  `json:"-"`
}

type specResponse struct {
	Ref         string               `json:"$ref"`
	Description string               `json:"description"`
	Content     ordered[specContent] `json:"content"`
}

type specContent struct {
	Schema specSchema `json:"schema"`
}

type specSchema struct {
	Ref         string              `json:"$ref"`
	Type        oneOrMore           `json:"type"`
	Format      string              `json:"format"`
	Description string              `json:"description"`
	Enum        []string            `json:"enum"`
	Items       *specSchema         `json:"items"`
	OneOf       []specSchema        `json:"oneOf"`
	Properties  ordered[specSchema] `json:"properties"`
	Required    []string            `json:"required"`
	Minimum     *int64              `json:"minimum"`
	Maximum     *int64              `json:"maximum"`
	MinLength   *int64              `json:"minLength"`
	MaxLength   *int64              `json:"maxLength"`
	Default     json.RawMessage     `json:"default"`
	Example     json.RawMessage     `json:"example"`
}

// resolve returns the component that ref names, or v when it names none.
func resolve[T any](v T, ref string, components ordered[T]) T {
	name := ref[strings.LastIndex(ref, "/")+1:]
	for _, component := range components {
		if ref != "" && component.Name == name {
			return component.Value
		}
	}
	return v
}

// oneOrMore is a string, or an array of strings.
type oneOrMore []string

// UnmarshalJSON implements json.Unmarshaler.
func (o *oneOrMore) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*o = oneOrMore{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(o))
}

// ordered is an object whose members keep the order in which they were written.
type ordered[T any] []member[T]

type member[T any] struct {
	Name  string
	Value T
}

// UnmarshalJSON implements json.Unmarshaler.
func (o *ordered[T]) UnmarshalJSON(data []byte) error {
	tokens := json.NewDecoder(bytes.NewReader(data))
	if _, err := tokens.Token(); err != nil { // the opening brace
		return err
	}
	for tokens.More() {
		name, err := tokens.Token()
		if err != nil {
			return err
		}
		m := member[T]{Name: fmt.Sprint(name)}
		if err := tokens.Decode(&m.Value); err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
		*o = append(*o, m)
	}
	return nil
}
