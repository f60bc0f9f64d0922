package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

type enumerationCommand struct {
	Tries int `default:"2000" help:"How many tries each class has."`
}

// class is a kind of e-mail that a stranger may try.
type class struct {
	name   string
	emails []string
	times  []float64
}

// Run tries e-mails that somebody has and that nobody has in a random order, and
// prints how well their times tell them apart: 0.5 is not at all.
func (c enumerationCommand) Run(ctx context.Context) error {
	return withLogins(ctx, 300, 1, func(ctx context.Context, b *loginBench) error {
		unknown := make([]string, len(b.suspended))
		for i, email := range b.suspended {
			unknown[i] = strings.Replace(email, "@", "x@", 1)
		}
		for _, tried := range []struct {
			name, status string
			classes      []string
			request      func(email string) []byte
		}{
			{"sign-in with a wrong password", "401", []string{"unknown", "known", "suspended"}, func(email string) []byte { return b.signIn(email, "wrong") }},
			{"password reset", "202", []string{"unknown", "known"}, func(email string) []byte {
				return post(b.api.address, "/v1/password-resets", "", "application/json", fmt.Appendf(nil, `{"email":%q}`, email))
			}},
		} {
			classes := make([]*class, len(tried.classes))
			for i, name := range tried.classes {
				emails := map[string][]string{"unknown": unknown, "known": b.emails, "suspended": b.suspended}
				classes[i] = &class{name: name, emails: emails[name]}
			}
			if err := interleave(ctx, b.api.address, c.Tries, classes, tried.status, tried.request); err != nil {
				return err
			}
			fmt.Printf("%s, %d tries of each:\n", tried.name, c.Tries)
			for _, other := range classes[1:] {
				fmt.Printf("  %-9s against %s: AUC %.3f (0.45 to 0.55), median %.2f ms and %.2f ms\n",
					other.name, classes[0].name, auc(classes[0].times, other.times), middle(other.times), middle(classes[0].times))
			}
		}
		return nil
	})
}

// interleave tries all classes in a random order.
func interleave(ctx context.Context, address string, tries int, classes []*class, status string, request func(email string) []byte) error {
	client := &httpClient{address: address}
	defer client.close()
	var order []*class
	for _, c := range classes {
		order = append(order, slices.Repeat([]*class{c}, tries)...)
	}
	rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] }) //nolint:gosec // an order, no secret
	for _, c := range order {
		sent := request(c.emails[rand.IntN(len(c.emails))]) //nolint:gosec // one of many
		start := time.Now()
		if err := expect(ctx, client, sent, status); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		c.times = append(c.times, float64(time.Since(start).Microseconds())/1000)
	}
	return nil
}

// auc is how likely a time of b is longer than one of a: the area under the curve
// of whoever tells them apart by a threshold.
func auc(a, b []float64) float64 {
	a = slices.Sorted(slices.Values(a))
	var wins float64
	for _, time := range b {
		below, _ := slices.BinarySearch(a, time)
		equal := 0
		for below+equal < len(a) && a[below+equal] == time {
			equal++
		}
		wins += float64(below) + float64(equal)/2
	}
	return wins / float64(len(a)) / float64(len(b))
}
