// Package operations is what those who run Kibali see of a process: whether it
// lives, whether it is ready for work, and its metrics. It is served on an
// address of its own, which is not for the public: it asks for no credential.
//
// Nothing in it identifies a person: routes are templates, never paths.
package operations
