// Command screens takes a picture of each page of a running `kibali dev`, in
// both themes and at the width of a phone, and of cases in the Temporal UI, for
// the documentation and for those who work on pages to look at. With -guide it also does what staff do with an
// account, on companies that it registers, with a picture of each step.
//
//	go run ./cmd/screens -dev .kibali/dev.json -out docs/screens
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	report := flag.String("dev", ".kibali/dev.json", "what a running kibali dev has written")
	out := flag.String("out", "docs/screens", "the folder for the pictures")
	only := flag.String("only", "", "a regular expression: take those whose name matches")
	walk := flag.Bool("guide", false, "walk through the guide instead: it registers companies and decides about them")
	flag.Parse()
	if err := run(ctx, *report, *out, *only, *walk); err != nil {
		fmt.Fprintln(os.Stderr, "screens:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to undo
	}
}

// installation is what dev.json says.
type installation struct {
	URL               string `json:"url"`
	TemporalUIURL     string `json:"temporal_ui_url"`
	TemporalNamespace string `json:"temporal_namespace"`
	Staff             []struct {
		Role, Email, Password, Token string
	} `json:"staff"`
	DemoUser struct {
		Email, Password string
	} `json:"demo_user"`
}

func run(ctx context.Context, report, out, only string, walk bool) error {
	wanted, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(filepath.Clean(report))
	if err != nil {
		return fmt.Errorf("start `kibali dev` first: %w", err)
	}
	var on installation
	if err := json.Unmarshal(content, &on); err != nil {
		return fmt.Errorf("read %s: %w", report, err)
	}
	if err := os.MkdirAll(out, 0o750); err != nil {
		return err
	}
	c, stop, err := openCamera(ctx, on)
	if err != nil {
		return err
	}
	defer stop()
	keep := func(name string, picture []byte) error {
		path := filepath.Join(out, name+".png")
		fmt.Println(path)
		return os.WriteFile(path, picture, 0o600)
	}
	if walk {
		return c.walk(ctx, keep)
	}
	return c.album(ctx, wanted, keep)
}

// album takes the pictures whose names are wanted, in every look. The cases are
// last: what they show is gone once somebody has decided otherwise.
func (c *camera) album(ctx context.Context, wanted *regexp.Regexp, keep func(name string, picture []byte) error) error {
	for _, chapter := range []func(context.Context) ([]subject, error){c.subjects, c.customerSubjects, c.caseSubjects} {
		subjects, err := chapter(ctx)
		if err != nil {
			return err
		}
		for _, s := range subjects {
			if err := c.takeEach(s, wanted, keep); err != nil {
				return err
			}
		}
	}
	return nil
}

// takeEach takes the pictures of a subject whose names are wanted.
func (c *camera) takeEach(s subject, wanted *regexp.Regexp, keep func(name string, picture []byte) error) error {
	ways := looks
	if s.temporal {
		ways = taller
	}
	for _, look := range ways {
		name := s.name + look.suffix
		if !wanted.MatchString(name) {
			continue
		}
		picture, err := c.take(s, look)
		if err == nil {
			err = keep(name, picture)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}
