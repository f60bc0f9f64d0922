// Package message is what an SMS of a customer is: whom it goes to, what it
// takes, and what becomes of it. It is pure and imports uuid, domain/account
// and domain/fault.
//
// A message is charged when it is accepted: one credit for each segment and
// recipient. From then on each recipient has a fate of its own, and what will
// certainly not arrive is refunded.
package message
