// Package process puts the parts of Kibali together into what serve, worker
// and dev run: the stores, Temporal's client, the service, the HTTP servers and
// the worker, and how they start and take their leave. It imports everything
// but the development stack.
package process
