package doctor

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"kibali/domain/cases"
)

// leastRetention is how long a closed case must stay readable.
const leastRetention = 90 * 24 * time.Hour

func examineTemporal(ctx context.Context, i Installation) Findings {
	f := &findings{area: "temporal"}
	if i.Temporal.HostPort == "" {
		f.skip("", "its settings cannot be used")
		return f.list
	}
	temporal, err := client.NewLazyClient(i.Temporal)
	if err != nil {
		f.add(Failed, "", "Check the TEMPORAL_... variables.", "%s", cause(err))
		return f.list
	}
	defer temporal.Close()
	reaching, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	info, err := temporal.WorkflowService().GetSystemInfo(reaching, &workflowservice.GetSystemInfoRequest{})
	if err != nil {
		f.add(Failed, "", "Check TEMPORAL_ADDRESS, TEMPORAL_API_KEY and the TEMPORAL_TLS_... variables, and that Temporal runs.",
			"%s: %s", i.Temporal.HostPort, cause(err))
		return f.list
	}
	f.ok("", "version %s at %s", info.GetServerVersion(), i.Temporal.HostPort)
	if examineNamespace(ctx, f, temporal, i.Temporal.Namespace) {
		examineAttributes(ctx, f, temporal, i.Temporal.Namespace)
		examineDeployment(ctx, f, temporal)
	}
	return f.list
}

func examineNamespace(ctx context.Context, f *findings, temporal client.Client, namespace string) bool {
	described, err := temporal.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: namespace})
	var missing *serviceerror.NamespaceNotFound
	if errors.As(err, &missing) {
		f.add(Failed, " namespace", "temporal operator namespace create --namespace "+namespace+" --retention 2160h; or set TEMPORAL_NAMESPACE.",
			"%s does not exist", namespace)
		return false
	}
	if err != nil {
		f.add(Failed, " namespace", "", "%s: %s", namespace, cause(err))
		return false
	}
	retention := described.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration()
	days := int(retention / (24 * time.Hour))
	if retention < leastRetention {
		f.add(Failed, " namespace", "temporal operator namespace update --namespace "+namespace+" --retention 2160h",
			"%s keeps closed cases for %d days; 90 or more are needed", namespace, days)
	} else {
		f.ok(" namespace", "%s keeps closed cases for %d days", namespace, days)
	}
	return true
}

func examineAttributes(ctx context.Context, f *findings, temporal client.Client, namespace string) {
	listed, err := temporal.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		f.add(Warning, " search attributes", "", "they cannot be listed: %s", cause(err))
		return
	}
	wanted := cases.SearchAttributes()
	var missing, other, flags []string
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		kind, found := listed.GetCustomAttributes()[name]
		expected, _ := enums.IndexedValueTypeFromString(wanted[name])
		switch {
		case !found:
			missing = append(missing, name)
			flags = append(flags, "--name "+name+" --type "+wanted[name])
		case kind != expected:
			other = append(other, name+" is "+kind.String()+" and not "+wanted[name])
		}
	}
	if len(missing) > 0 {
		f.add(Failed, " search attributes", "temporal operator search-attribute create --namespace "+namespace+" "+strings.Join(flags, " "),
			"missing: %s", strings.Join(missing, ", "))
	}
	if len(other) > 0 {
		f.add(Failed, " search attributes", "Use a namespace in which these names are free.", "%s", strings.Join(other, "; "))
	}
	if len(missing)+len(other) == 0 {
		f.ok(" search attributes", "%s", strings.Join(slices.Sorted(maps.Keys(wanted)), ", "))
	}
}

func examineDeployment(ctx context.Context, f *findings, temporal client.Client) {
	described, err := temporal.WorkerDeploymentClient().GetHandle(cases.Deployment).Describe(ctx, client.WorkerDeploymentDescribeOptions{})
	var missing *serviceerror.NotFound
	switch {
	case errors.As(err, &missing):
		f.add(Warning, " workers", "Start `kibali worker`, then run `kibali deploy`.", "no worker has ever polled: cases wait")
		return
	case err != nil:
		f.add(Warning, " workers", "", "they cannot be asked about: %s", cause(err))
		return
	}
	current := described.Info.RoutingConfig.CurrentVersion
	if current == nil {
		f.add(Warning, " workers", "Run `kibali deploy` with the build that is to work.", "no build is current: cases wait")
		return
	}
	queue, err := temporal.DescribeTaskQueue(ctx, cases.TaskQueue, enums.TASK_QUEUE_TYPE_WORKFLOW)
	if err == nil && len(queue.GetPollers()) == 0 {
		f.add(Warning, " workers", "Start `kibali worker`.", "build %s is current, but no worker polls: cases wait", current.BuildID)
		return
	}
	f.ok(" workers", "build %s is current", current.BuildID)
}
