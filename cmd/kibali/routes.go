package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"kibali/cmd/kibali/routes"
	"kibali/web"
)

type routesCommand struct {
	Against string `name:"against" placeholder:"FILE" help:"The dev.json of a running kibali dev: ask it for every route as nobody, as somebody unknown, with each role's token and the service's, and fail when an answer is not the declared one. Changes nothing."`
}

// Run prints who may use each route, or what a running kibali dev says of it.
func (c routesCommand) Run(ctx context.Context, term terminal) error {
	if c.Against == "" {
		return routes.Print(term.out, routes.All())
	}
	base, holders, err := readHolders(c.Against)
	if err != nil {
		return err
	}
	differences, err := routes.Check(ctx, term.out, base, routes.All(), holders)
	if err != nil {
		return err
	}
	if differences > 0 {
		fmt.Fprintf(term.errors, "kibali: %d answers are not as declared\n", differences)
		return errUnwell
	}
	fmt.Fprintf(term.out, "%d routes answer as declared\n", len(routes.All()))
	return nil
}

// readHolders returns where a running kibali dev is and whose credentials its
// dev.json has.
func readHolders(file string) (base string, holders []routes.Holder, err error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return "", nil, fmt.Errorf("read dev.json: %w", err)
	}
	var dev struct {
		URL   string `json:"url"`
		Staff []struct {
			Role  string `json:"role"`
			Token string `json:"token"`
		} `json:"staff"`
		ServiceToken string `json:"service_token"`
	}
	if err := json.Unmarshal(content, &dev); err != nil {
		return "", nil, fmt.Errorf("read dev.json: %w", err)
	}
	holders = []routes.Holder{{Name: web.Nobody}, {Name: web.Nobody, Token: "made-up"}}
	for _, member := range dev.Staff {
		holders = append(holders, routes.Holder{Name: web.Holder(member.Role), Token: member.Token})
	}
	return dev.URL, append(holders, routes.Holder{Name: web.ServiceHolder, Token: dev.ServiceToken}), nil
}
