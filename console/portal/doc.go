// Package portal is what users see: HTML pages at the root of the site on which
// a company registers, hands in its documents, learns what became of its
// application, and looks after its account. Pages are plain and small, speak the
// reader's language, and work without JavaScript; nothing typed is lost. A page
// reads straight from store.Reader and changes things through service. It
// imports page, service, domain, web, identity and store (to read), and neither
// the API nor the staff's pages.
package portal
