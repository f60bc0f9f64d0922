// Package api is the JSON API: openapi.yaml is its contract, from which types
// and routes are generated, and the handlers translate between HTTP and
// service and store.Reader and do nothing else. It imports service, domain,
// web and store.Reader; never console.
package api
