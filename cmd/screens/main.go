// Command screens takes a picture of each page of a running `kibali dev`, in
// both themes and at the width of a phone, for the documentation and for those
// who work on pages to look at.
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
	flag.Parse()
	if err := run(ctx, *report, *out, *only); err != nil {
		fmt.Fprintln(os.Stderr, "screens:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to undo
	}
}

// installation is what dev.json says.
type installation struct {
	URL   string `json:"url"`
	Staff []struct {
		Role, Email, Password, Token string
	} `json:"staff"`
	DemoUser struct {
		Email, Password string
	} `json:"demo_user"`
}

func run(ctx context.Context, report, out, only string) error {
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
	subjects, err := c.subjects(ctx)
	if err != nil {
		return err
	}
	users, err := c.customerSubjects(ctx)
	if err != nil {
		return err
	}
	for _, s := range append(subjects, users...) {
		for _, look := range looks {
			name := s.name + look.suffix + ".png"
			if !wanted.MatchString(name) {
				continue
			}
			picture, err := c.take(s, look)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if err := os.WriteFile(filepath.Join(out, name), picture, 0o600); err != nil {
				return err
			}
			fmt.Println(filepath.Join(out, name))
		}
	}
	return nil
}
