// Package documents keeps the files that applicants upload as proof of who
// they are, and makes the images that reviewers look at.
//
// An upload is hostile until shown otherwise. It is bounded in size, its type
// is read from its content and never from its name, it is refused when it is
// damaged, encrypted or able to act by itself, and it is stored as it came
// under a random key. Nobody looks at that original: a Renderer decodes it and
// draws its pages anew, so that what a reviewer's browser receives holds pixels
// only.
//
// A Store is cheap and belongs in every process. A Renderer carries a
// WebAssembly build of a PDF library and belongs in workers only.
//
// The package imports domain/fault and third-party clients, nothing else of
// ours.
package documents
