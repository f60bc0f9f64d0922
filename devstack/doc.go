// Package devstack starts what Kibali stands on, a private PostgreSQL cluster
// and a Temporal dev server, as child processes. "kibali dev", the benches and
// every test use it; nothing that runs in production does.
//
// What it promises: children never outlive the process that started them, even
// when that is killed with kill -9; a later start on the same data folder
// recovers and finds its data; two processes never use one data folder at once;
// everything listens on 127.0.0.1 only.
//
// It runs on Linux and macOS. It imports the standard library, domain/fault and
// third-party clients, and is imported by cmd and by tests only.
package devstack
