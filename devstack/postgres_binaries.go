package devstack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// oldestPostgres is the oldest major version that Kibali runs on.
const oldestPostgres = 14

// postgresBinaries is a folder with the programs of one PostgreSQL version.
type postgresBinaries struct {
	dir     string
	version string // "15.18"
	major   int
}

func (b postgresBinaries) path(program string) string { return filepath.Join(b.dir, program) }

// postgresSearch says where local binaries are looked for; a test has its own.
type postgresSearch struct {
	path     string   // a list of folders, as in $PATH
	pgConfig string   // the pg_config program, asked for its --bindir
	patterns []string // further folders, the newest version of each first
}

func defaultPostgresSearch() postgresSearch {
	pgConfig, err := exec.LookPath("pg_config")
	if err != nil {
		pgConfig = ""
	}
	return postgresSearch{
		path:     os.Getenv("PATH"),
		pgConfig: pgConfig,
		patterns: []string{
			"/usr/lib/postgresql/*/bin",          // Debian and Ubuntu
			"/opt/homebrew/opt/postgresql@*/bin", // Homebrew on ARM
			"/usr/local/opt/postgresql@*/bin",    // Homebrew on Intel
			"/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",
			"/usr/pgsql-*/bin",         // PostgreSQL's own packages for Fedora and Red Hat
			"/usr/bin",                 // Fedora
			"/usr/libexec/postgresql*", // Alpine
			"/Applications/Postgres.app/Contents/Versions/*/bin",
		},
	}
}

// find returns the first binaries of a version that is new enough, or an error
// that says what was found instead.
func (s postgresSearch) find(ctx context.Context) (postgresBinaries, error) {
	var refused []error
	for _, dir := range s.folders(ctx) {
		found, err := inspectPostgres(ctx, dir)
		if err == nil {
			return found, nil
		}
		refused = append(refused, err)
	}
	if len(refused) == 0 {
		return postgresBinaries{}, errors.New("no PostgreSQL programs are installed")
	}
	return postgresBinaries{}, errors.Join(refused...)
}

// folders lists the folders that hold a postgres program, each once.
func (s postgresSearch) folders(ctx context.Context) []string {
	candidates := filepath.SplitList(s.path)
	if s.pgConfig != "" {
		output, err := process{title: "pg_config", path: s.pgConfig, args: []string{"--bindir"}}.run(ctx)
		if err == nil {
			candidates = append(candidates, strings.TrimSpace(output))
		}
	}
	for _, pattern := range s.patterns {
		matches, err := filepath.Glob(pattern)
		if err == nil {
			slices.SortFunc(matches, func(a, b string) int { return cmp.Compare(pathVersion(b), pathVersion(a)) })
			candidates = append(candidates, matches...)
		}
	}
	var folders []string
	for _, candidate := range candidates {
		// A link in PATH leads to the folder that initdb and the libraries are in.
		program, err := filepath.EvalSymlinks(filepath.Join(candidate, "postgres"))
		if candidate == "" || err != nil {
			continue
		}
		if dir := filepath.Dir(program); !slices.Contains(folders, dir) {
			folders = append(folders, dir)
		}
	}
	return folders
}

var numberPattern = regexp.MustCompile(`\d+`)

// pathVersion is the last number in a path, by which folders are ordered.
func pathVersion(path string) int {
	numbers := numberPattern.FindAllString(path, -1)
	if len(numbers) == 0 {
		return 0
	}
	version, err := strconv.Atoi(numbers[len(numbers)-1])
	if err != nil {
		return 0
	}
	return version
}

// inspectPostgres asks the programs in dir for their version, and refuses them
// when they are too old or not complete.
func inspectPostgres(ctx context.Context, dir string) (postgresBinaries, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	output, err := process{
		title: filepath.Join(dir, "postgres"), path: filepath.Join(dir, "postgres"), args: []string{"--version"},
	}.run(ctx)
	if err != nil {
		return postgresBinaries{}, err
	}
	version, major, err := parsePostgresVersion(output)
	if err != nil {
		return postgresBinaries{}, fmt.Errorf("%s: %w", dir, err)
	}
	if major < oldestPostgres {
		return postgresBinaries{}, fmt.Errorf("%s is PostgreSQL %s, older than %d", dir, version, oldestPostgres)
	}
	if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
		return postgresBinaries{}, fmt.Errorf("%s has postgres but not initdb", dir)
	}
	return postgresBinaries{dir: dir, version: version, major: major}, nil
}

var postgresVersionPattern = regexp.MustCompile(`\(PostgreSQL\) ((\d+)[.\w]*)`)

// parsePostgresVersion reads what "postgres --version" prints, such as
// "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)".
func parsePostgresVersion(output string) (version string, major int, err error) {
	match := postgresVersionPattern.FindStringSubmatch(output)
	if match == nil {
		return "", 0, fmt.Errorf("%q is not the version of a PostgreSQL", strings.TrimSpace(output))
	}
	major, err = strconv.Atoi(match[2])
	return match[1], major, err
}
