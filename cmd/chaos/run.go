package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"
)

// Options say how much a run does.
type Options struct {
	Dir         string // holds everything of the run
	Seed        uint64
	Storm       time.Duration // of random kills
	Clients     int           // at a time
	Rounds      int           // applications that are raced for, and last credits
	Racers      int           // that decide at once
	TakenRounds int           // e-mails that are raced for
	Outage      time.Duration // of Temporal, beyond what its scenario needs
	Patience    time.Duration // how long after faults something may be stuck
	RacesOnly   bool          // nothing breaks, all race
	For         string        // what they race for, when not for everything: "applications", "credits" or "contacts"
	Out         io.Writer     // told of the progress
}

// promisedPatience is how long after faults something may be stuck, on a machine
// that has nothing else to do.
const promisedPatience = 60 * time.Second

// How long a client waits for an answer: one that has another replica to ask,
// and one that takes part in a race.
const (
	clientPatience = 12 * time.Second
	racerPatience  = time.Minute
)

// run is one run and its parts.
type run struct {
	Options
	*installation
	caller  *caller
	racing  *caller
	journal *journal
	report  *Report
	random  *rand.Rand
	began   time.Time
	calmed  time.Time // when the last fault was over
}

// Run starts an installation, breaks it and checks what it promised. The error
// is for a run that could not be carried through; broken promises are in the
// report.
func Run(ctx context.Context, o Options) (report *Report, err error) {
	r := &run{
		Options: o, report: newReport(), journal: &journal{}, began: time.Now(),
		random: rand.New(rand.NewPCG(o.Seed, 1)), //nolint:gosec // repeatable on purpose
	}
	r.say("seed %d: building and starting PostgreSQL, Temporal, 2 serve, 2 worker ...", o.Seed)
	if r.installation, err = install(ctx, o.Dir, r.report, r.random); err != nil {
		return r.report, err
	}
	if o.RacesOnly {
		err = r.parts(ctx, r.races())
	} else {
		err = r.parts(ctx, r.everyPart())
	}
	stopErr := r.stop()
	if err == nil && stopErr == nil {
		err = r.findTraces(ctx)
	}
	r.report.fact("seed %d, %.0f s in all", o.Seed, time.Since(r.began).Seconds())
	if err = errors.Join(err, stopErr); err == nil {
		r.report.carriedThrough()
	}
	return r.report, err
}

// part is a part of a run.
type part struct {
	title string
	do    func(context.Context) error
}

func (r *run) everyPart() []part {
	return []part{
		{"one customer does everything once", r.everyWay},
		{"Temporal is away", r.withoutTemporal},
		{"PostgreSQL is away", r.withoutPostgres},
		{"every worker is away", r.withoutWorkers},
		{"kill -9 at random under load", r.weather},
		{"settling, while 64 race for each of some applications", r.calm},
		{"checking", r.check},
		{"checking the checks", r.checkChecks},
		{"reading every history", r.readHistories},
	}
}

// races are a run in which nothing breaks: who wins is all that is asked.
func (r *run) races() []part {
	return []part{
		{"racing for applications and for the last credit", func(ctx context.Context) error {
			r.calmed = time.Now()
			return r.calm(ctx)
		}},
		{"checking", r.check},
	}
}

func (r *run) parts(ctx context.Context, parts []part) error {
	r.caller = newCaller(ctx, r.replicas, r.report, clientPatience)
	r.racing = newCaller(ctx, r.replicas, r.report, racerPatience)
	r.provider.rude.Store(!r.RacesOnly)
	for _, part := range parts {
		r.say("%s ...", part.title)
		if err := part.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", part.title, err)
		}
	}
	return nil
}

func (r *run) say(format string, args ...any) {
	fmt.Fprintf(r.Out, "%5.1fs  %s\n", time.Since(r.began).Seconds(), fmt.Sprintf(format, args...))
}

// weather is the load and the storm.
func (r *run) weather(ctx context.Context) error {
	loading, stop := context.WithCancel(ctx)
	var looking sync.WaitGroup
	looking.Go(func() { r.auditor.keepLooking(loading) })
	wait := r.load(loading, r.Clients)
	err := r.storm(ctx, r.Storm, r.random)
	stop()
	looking.Wait()
	r.provider.rude.Store(false)
	r.calmed = time.Now()
	wait()
	r.report.fact("clients knew the outcome of everything %.1f s after the last fault", time.Since(r.calmed).Seconds())
	return errors.Join(err, r.ready(ctx, r.processes()...))
}
