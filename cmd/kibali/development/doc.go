// Package development is `kibali dev`: the whole system in one process, on a
// private PostgreSQL and a Temporal dev server that run as its children.
//
// Everything it keeps is in one data folder. dev.json is there exactly while
// everything is ready: it is written last, removed before anything stops, and
// removed by a guard when the process is killed.
package development
