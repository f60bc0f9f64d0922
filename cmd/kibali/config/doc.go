// Package config is the settings of the kibali program: what can be set, how
// it is checked, and the table that documents it.
//
// A group of settings is a struct that a command embeds; each setting is a
// flag and a KIBALI_... variable of the same name, and is taken as text, so
// that everything that is wrong with a configuration can be said at once
// instead of at the first mistake. What a problem says never repeats a value
// that may hold a secret.
//
// It imports notify, web, documents and service for what they make of their
// settings.
package config
