// Package notify is how Kibali speaks to people: what its e-mails and SMS say,
// in which language, when an SMS may be sent, and the providers that carry
// them. It knows nothing of accounts or workflows: a caller hands it a finished
// message with an id and gets back a receipt or an *Error that says whether to
// try again.
//
// Delivery is at least once. A retry carries the same id, and adapters pass it
// on wherever a provider can use it to drop duplicates; elsewhere the caller's
// own record of the notice decides whether it was sent.
//
// It may import kibali/domain/fault, the standard library and the providers'
// clients.
package notify
