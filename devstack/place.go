package devstack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// locationFile remembers, in the data folder, where the cluster is when it
// cannot be in the data folder itself.
const locationFile = "location"

// clusterPlace returns the folder that holds the cluster (and, if need be, the
// binaries), which the account can reach. That is the data folder unless one
// of the folders above it is closed to the account, as /root is to postgres.
func (p *Postgres) clusterPlace(ctx context.Context) (string, error) {
	if p.account == nil {
		return p.dir, nil
	}
	remembered, err := os.ReadFile(filepath.Join(p.dir, locationFile))
	if err == nil {
		place := strings.TrimSpace(string(remembered))
		reached, err := p.canReach(ctx, place)
		if err != nil || reached && ownFolder(place) {
			return place, err
		}
		p.progress("the cluster that was in %s is gone; a new one is made", place)
	} else if !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read where the cluster is: %w", err)
	}
	if reached, err := p.canReach(ctx, p.dir); err != nil || reached {
		return p.dir, err
	}
	return p.reachablePlace(ctx)
}

// reachablePlace makes a folder for the cluster outside the data folder and
// remembers it. What an earlier data folder of the same name left is removed.
func (p *Postgres) reachablePlace(ctx context.Context) (string, error) {
	sum := sha256.Sum256([]byte(p.dir))
	prefix := "kibali-postgres-" + hex.EncodeToString(sum[:6]) + "-"
	for _, base := range []string{"/var/tmp", os.TempDir()} {
		if err := removeAbandoned(base, prefix); err != nil {
			return "", err
		}
		place, err := os.MkdirTemp(base, prefix)
		if err != nil {
			continue
		}
		if err := os.Chmod(place, 0o711); err != nil {
			return "", fmt.Errorf("open the folder of the cluster: %w", err)
		}
		if reached, err := p.canReach(ctx, place); err != nil || !reached {
			if err := errors.Join(err, os.Remove(place)); err != nil {
				return "", err
			}
			continue
		}
		if err := os.WriteFile(filepath.Join(p.dir, locationFile), []byte(place+"\n"), 0o644); err != nil {
			return "", fmt.Errorf("remember where the cluster is: %w", err)
		}
		p.progress("PostgreSQL runs as %s, who cannot reach %s; its files are in %s", p.account.name, p.dir, place)
		return place, nil
	}
	return "", fmt.Errorf("no folder that the user %s can reach; use a data folder that others may enter", p.account.name)
}

// canReach reports whether the account can make dir its working folder, which
// is what a program needs of every folder above the files it opens. The error
// is that of a cancelled ctx: then it is not known.
func (p *Postgres) canReach(ctx context.Context, dir string) (bool, error) {
	_, err := process{title: "reach", path: "/bin/sh", args: []string{"-c", ":"}, dir: dir, as: p.account}.run(ctx)
	return err == nil, ctx.Err()
}

// ownFolder reports whether path is a folder, no link, that belongs to the
// caller: in a folder where everybody may write it could be anybody's.
func ownFolder(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.IsDir() {
		return false
	}
	status, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(status.Uid) == os.Geteuid()
}

func removeAbandoned(base, prefix string) error {
	found, err := filepath.Glob(filepath.Join(base, prefix+"*"))
	if err != nil {
		return err
	}
	for _, path := range found {
		if !ownFolder(path) {
			continue
		}
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("remove an abandoned cluster: %w", err)
		}
	}
	return nil
}
