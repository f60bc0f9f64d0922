// Package web is what the API and the console share of HTTP: the engine with
// its limits, request ids and access log, who may use which route, strict
// decoding, sealed cursors, and the one funnel that turns an error into an
// answer. It knows no endpoint. It imports domain packages, identity,
// store.Reader and gin.
package web
