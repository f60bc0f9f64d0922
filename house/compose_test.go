package house_test

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"

	"kibali/domain/cases"
)

func TestCompose(t *testing.T) {
	t.Parallel()
	project := composeProject(t)

	t.Run("pins the version of every image", func(t *testing.T) {
		t.Parallel()
		pinned := regexp.MustCompile(`^[a-z0-9./-]+:v?\d+\.\d+[a-z0-9.-]*$`)
		for name, service := range project.Services {
			if service.Build != nil {
				require.Equal(t, "kibali:dev", service.Image, name)
				continue
			}
			require.Regexp(t, pinned, service.Image, name)
			require.NotContains(t, service.Image, "auto-setup", name)
		}
		for _, line := range strings.Split(read(t, "Dockerfile"), "\n") {
			if image, ok := strings.CutPrefix(line, "FROM "); ok {
				image, _, _ = strings.Cut(image, " ")
				require.True(t, image == "scratch" || pinned.MatchString(image), line)
			}
		}
	})

	t.Run("publishes on loopback only", func(t *testing.T) {
		t.Parallel()
		published := 0
		for name, service := range project.Services {
			require.Empty(t, service.NetworkMode, name)
			for _, port := range service.Ports {
				published++
				ip := net.ParseIP(port.HostIP)
				require.True(t, ip != nil && ip.IsLoopback(), "%s publishes %s on %q", name, port.Published, port.HostIP)
			}
		}
		require.NotZero(t, published)
	})

	t.Run("gives no service more than it needs", func(t *testing.T) {
		t.Parallel()
		for name, service := range project.Services {
			require.True(t, service.ReadOnly, "%s can write to its own image", name)
			require.Equal(t, []string{"ALL"}, service.CapDrop, name)
			require.Empty(t, service.CapAdd, name)
			require.False(t, service.Privileged, name)
			require.Contains(t, service.SecurityOpt, "no-new-privileges:true", name)
			require.Regexp(t, `^[1-9]\d*:[1-9]\d*$`, service.User, "%s runs as root", name)
			for _, volume := range service.Volumes {
				if volume.Type == types.VolumeTypeBind {
					require.True(t, volume.ReadOnly, "%s can write to %s", name, volume.Source)
					require.True(t, strings.HasPrefix(volume.Source, filepath.Join(root(t), "deploy")), volume.Source)
					_, err := os.Stat(volume.Source)
					require.NoError(t, err, name)
				}
			}
		}
	})

	t.Run("checks the health of what stays up, and ends what does not", func(t *testing.T) {
		t.Parallel()
		for name, service := range project.Services {
			if oneShot(service) {
				require.Nil(t, service.HealthCheck, name)
				continue
			}
			require.Equal(t, types.RestartPolicyUnlessStopped, service.Restart, name)
			require.NotNil(t, service.HealthCheck, name)
			require.NotEmpty(t, service.HealthCheck.Test, name)
		}
	})

	t.Run("waits for what each service needs", func(t *testing.T) {
		t.Parallel()
		for name, service := range project.Services {
			for needed, dependency := range service.DependsOn {
				other, found := project.Services[needed]
				require.True(t, found, "%s needs %s", name, needed)
				want := types.ServiceConditionHealthy
				if oneShot(other) {
					want = types.ServiceConditionCompletedSuccessfully
				}
				require.Equal(t, want, dependency.Condition, "%s needs %s", name, needed)
			}
		}
		require.Contains(t, project.Services["serve"].DependsOn, "migrate")
		require.Contains(t, project.Services["worker"].DependsOn, "migrate")
		require.Contains(t, project.Services["deploy"].DependsOn, "worker")
	})

	t.Run("has somebody wait for every job, without which up --wait takes its end for a failure", func(t *testing.T) {
		t.Parallel()
		for name, service := range project.Services {
			awaited := false
			for _, other := range project.Services {
				_, waits := other.DependsOn[name]
				awaited = awaited || waits
			}
			require.True(t, awaited || !oneShot(service), name)
		}
	})

	t.Run("runs two of what must not be one", func(t *testing.T) {
		t.Parallel()
		for _, name := range []string{"serve", "worker"} {
			service := project.Services[name]
			require.Equal(t, 2, service.GetScale(), name)
		}
	})

	t.Run("lets only the migration be the schema's owner", func(t *testing.T) {
		t.Parallel()
		for name, service := range project.Services {
			for variable, value := range service.Environment {
				if value == nil || name == "postgres" {
					continue
				}
				require.Equal(t, name == "migrate" && variable == "KIBALI_OWNER_DATABASE_URL",
					strings.Contains(*value, "kibali_owner"), "%s: %s", name, variable)
			}
		}
	})

	t.Run("makes the search attributes that cases have", func(t *testing.T) {
		t.Parallel()
		script := read(t, "deploy/temporal/namespace.sh")
		made := regexp.MustCompile(`--name (\w+) --type (\w+)`).FindAllStringSubmatch(script, -1)
		attributes := map[string]string{}
		for _, match := range made {
			attributes[match[1]] = match[2]
		}
		require.Equal(t, cases.SearchAttributes(), attributes)
	})

	t.Run("takes every variable that its example names", func(t *testing.T) {
		t.Parallel()
		composeFile := read(t, "docker-compose.yml")
		for _, match := range regexp.MustCompile(`(?m)^#?([A-Z_]+)=`).FindAllStringSubmatch(read(t, "deploy/example.env"), -1) {
			require.Contains(t, composeFile, "${"+match[1]+":-", match[1])
		}
	})
}

// composeProject loads docker-compose.yml as the Docker client does, without
// the variables of this machine.
func composeProject(t *testing.T) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions(
		[]string{filepath.Join(root(t), "docker-compose.yml")},
		cli.WithWorkingDirectory(root(t)), cli.WithResolvedPaths(true), cli.WithConsistency(true),
	)
	require.NoError(t, err)
	project, err := options.LoadProject(t.Context())
	require.NoError(t, err)
	require.Equal(t, "kibali", project.Name)
	expected := []string{
		"deploy", "mail", "migrate", "postgres", "proxy", "serve", "temporal", "temporal-namespace", "temporal-schema", "temporal-ui", "worker",
	}
	require.Equal(t, expected, slices.Sorted(slices.Values(project.ServiceNames())))
	return project
}

// oneShot reports whether the service does its work and ends.
func oneShot(service types.ServiceConfig) bool {
	return strings.HasPrefix(service.Restart, types.RestartPolicyOnFailure)
}
