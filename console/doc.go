// Package console is the staff console: HTML pages under /console for those who
// run the platform. Each page is one handler and one template; it reads
// straight from store.Reader, changes things through service, works without
// JavaScript, and shows what a role may not do as little as it does it. It
// imports service, domain, web and store (to read), and never the API.
package console
