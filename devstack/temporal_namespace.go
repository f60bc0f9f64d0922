package devstack

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	namespacepb "go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"
)

// NamespaceOptions says what a namespace has to be like.
type NamespaceOptions struct {
	Name             string
	Retention        time.Duration
	SearchAttributes map[string]string // name to type: "Keyword", "Datetime", "Int", ...
}

// PrepareNamespace makes the namespace when it is not there, sets its retention,
// registers the search attributes that are missing, and returns once the server
// answers for all of that.
func PrepareNamespace(ctx context.Context, connection client.Client, options NamespaceOptions) error {
	if err := ensureNamespace(ctx, connection.WorkflowService(), options); err != nil {
		return fmt.Errorf("namespace %s: %w", options.Name, err)
	}
	if err := ensureSearchAttributes(ctx, connection.OperatorService(), options); err != nil {
		return fmt.Errorf("search attributes of namespace %s: %w", options.Name, err)
	}
	return nil
}

func ensureNamespace(ctx context.Context, service workflowservice.WorkflowServiceClient, options NamespaceOptions) error {
	retention := durationpb.New(options.Retention)
	described, err := service.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: options.Name})
	var missing *serviceerror.NamespaceNotFound
	if errors.As(err, &missing) {
		_, err = service.RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
			Namespace: options.Name, WorkflowExecutionRetentionPeriod: retention,
		})
		var exists *serviceerror.NamespaceAlreadyExists
		if errors.As(err, &exists) {
			return ensureNamespace(ctx, service, options)
		}
		return err
	}
	if err != nil {
		return err
	}
	if described.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration() == options.Retention {
		return nil
	}
	_, err = service.UpdateNamespace(ctx, &workflowservice.UpdateNamespaceRequest{
		Namespace: options.Name, Config: &namespacepb.NamespaceConfig{WorkflowExecutionRetentionTtl: retention},
	})
	return err
}

// ensureSearchAttributes waits until the frontend lists what was added: it
// learns of a change of a namespace a moment after it is made.
func ensureSearchAttributes(ctx context.Context, service operatorservice.OperatorServiceClient, options NamespaceOptions) error {
	wanted := map[string]enumspb.IndexedValueType{}
	for name, kind := range options.SearchAttributes {
		value, err := enumspb.IndexedValueTypeFromString(kind)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		wanted[name] = value
	}
	added := false
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		missing, err := missingAttributes(ctx, service, options.Name, wanted)
		// A namespace made a moment ago may be unknown to the frontend still.
		var unknown *serviceerror.NamespaceNotFound
		if err != nil && !errors.As(err, &unknown) || err == nil && len(missing) == 0 {
			return err
		}
		if err == nil && !added {
			_, err := service.AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
				Namespace: options.Name, SearchAttributes: missing,
			})
			var exists *serviceerror.AlreadyExists
			if err != nil && !errors.As(err, &exists) {
				return err
			}
			added = true
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func missingAttributes(
	ctx context.Context, service operatorservice.OperatorServiceClient, namespace string,
	wanted map[string]enumspb.IndexedValueType,
) (map[string]enumspb.IndexedValueType, error) {
	listed, err := service.ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		return nil, err
	}
	missing := map[string]enumspb.IndexedValueType{}
	for name, kind := range wanted {
		switch got, found := listed.GetCustomAttributes()[name]; {
		case !found:
			missing[name] = kind
		case got != kind:
			return nil, fmt.Errorf("%s is a %s here, not a %s", name, got, kind)
		}
	}
	return missing, nil
}
