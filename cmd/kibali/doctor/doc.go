// Package doctor checks an installation from the inside and says what to do
// about what it finds. It changes nothing, but for a probe file in the storage
// of documents that it removes again.
//
// A finding never repeats a value that may be a secret.
package doctor
