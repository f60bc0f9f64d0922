package devstack

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPostgresVersions(t *testing.T) {
	t.Parallel()
	for output, want := range map[string]struct {
		version string
		major   int
	}{
		"postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n": {"15.18", 15},
		"postgres (PostgreSQL) 17.5 (Homebrew)":                  {"17.5", 17},
		"postgres (PostgreSQL) 9.6.24":                           {"9.6.24", 9},
		"postgres (PostgreSQL) 18beta1":                          {"18beta1", 18},
	} {
		version, major, err := parsePostgresVersion(output)
		require.NoError(t, err)
		require.Equal(t, want.version, version)
		require.Equal(t, want.major, major)
	}
	for _, output := range []string{"", "psql (PostgreSQL)", "postgres 15.1"} {
		_, _, err := parsePostgresVersion(output)
		require.Error(t, err, "%q", output)
	}
}

// installPostgresIn makes a folder that looks like an installed PostgreSQL.
func installPostgresIn(t *testing.T, dir, version string) string {
	t.Helper()
	program(t, filepath.Join(dir, "postgres"), "echo 'postgres (PostgreSQL) "+version+"'")
	program(t, filepath.Join(dir, "initdb"), "true")
	return dir
}

func TestPostgresIsLookedForInOrder(t *testing.T) {
	t.Parallel()
	root, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	old := installPostgresIn(t, filepath.Join(root, "old"), "13.9")
	onPath := installPostgresIn(t, filepath.Join(root, "path"), "16.1")
	configured := installPostgresIn(t, filepath.Join(root, "configured"), "15.2")
	versions := filepath.Join(root, "lib")
	installPostgresIn(t, filepath.Join(versions, "9", "bin"), "9.6.1")
	installPostgresIn(t, filepath.Join(versions, "14", "bin"), "14.1")
	newest := installPostgresIn(t, filepath.Join(versions, "17", "bin"), "17.0")
	incomplete := filepath.Join(root, "incomplete")
	program(t, filepath.Join(incomplete, "postgres"), "echo 'postgres (PostgreSQL) 17.1'")
	links := filepath.Join(root, "links")
	require.NoError(t, os.MkdirAll(links, 0o755))
	require.NoError(t, os.Symlink(filepath.Join(newest, "postgres"), filepath.Join(links, "postgres")))
	pgConfig := program(t, filepath.Join(root, "pg_config"), "echo "+configured)
	patterns := []string{filepath.Join(versions, "*", "bin")}
	list := func(dirs ...string) (path string) {
		for _, dir := range dirs {
			path += dir + string(os.PathListSeparator)
		}
		return path
	}

	for name, test := range map[string]struct {
		search postgresSearch
		want   string
	}{
		"PATH first":                                  {postgresSearch{list(onPath), pgConfig, patterns}, onPath},
		"a link in PATH leads to the rest":            {postgresSearch{list(links), pgConfig, nil}, newest},
		"too old and incomplete ones are passed over": {postgresSearch{list(old, incomplete, onPath), "", nil}, onPath},
		"then pg_config":                              {postgresSearch{list(old), pgConfig, patterns}, configured},
		"then the usual places, newest first":         {postgresSearch{list(root), "", patterns}, newest},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, err := test.search.find(t.Context())
			require.NoError(t, err)
			require.Equal(t, test.want, found.dir)
		})
	}

	_, err = postgresSearch{path: list(old, incomplete)}.find(t.Context())
	require.ErrorContains(t, err, "PostgreSQL 13.9, older than 14")
	require.ErrorContains(t, err, "has postgres but not initdb")
	_, err = postgresSearch{}.find(t.Context())
	require.ErrorContains(t, err, "no PostgreSQL programs are installed")
}

func TestClusterIsPutWherePostgresCanReachIt(t *testing.T) {
	t.Parallel()
	closed := t.TempDir()
	require.NoError(t, os.Chmod(closed, 0o700))
	dir := filepath.Join(closed, "data")
	first, err := StartPostgres(t.Context(), PostgresOptions{Dir: dir})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(first.place)) })
	place := first.place
	if first.account == nil {
		require.Equal(t, dir, place)
	} else {
		require.NotEqual(t, dir, place)
	}
	execute(t, first.OwnerURL(DatabaseName), "CREATE TABLE kept AS SELECT 'found again' AS what")
	require.NoError(t, first.Stop())

	second := startCluster(t, dir)
	require.Equal(t, place, second.place)
	require.Equal(t, "found again", query(t, second.OwnerURL(DatabaseName), "SELECT what FROM kept"))
	require.NoError(t, second.Stop())

	// The data folder is deleted by hand, and with it what remembers the place.
	require.NoError(t, os.RemoveAll(dir))
	third := startCluster(t, dir)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(third.place)) })
	if third.account != nil {
		require.NoDirExists(t, place)
	}
	require.Equal(t, "0", query(t, third.OwnerURL(DatabaseName), "SELECT count(*)::text FROM pg_tables WHERE tablename = 'kept'"))
}

func TestPasswordsAreTheOwnersAlone(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, folder(t))

	info, err := os.Stat(cluster.passwordFile())
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	require.Len(t, map[string]bool{
		cluster.passwords.Superuser: true, cluster.passwords.Owner: true, cluster.passwords.App: true,
	}, 3)
	require.Empty(t, cluster.passwords.Initial)
	require.Equal(t, "scram-sha-256", query(t, cluster.SuperuserURL("postgres"),
		"SELECT string_agg(DISTINCT auth_method, ',') FROM pg_hba_file_rules"))
	require.Equal(t, OwnerRole, query(t, cluster.SuperuserURL("postgres"),
		"SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = 'kibali'"))
}
