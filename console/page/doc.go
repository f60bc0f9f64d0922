// Package page is what the console and the portal share: the rendering of
// html/template pages in the reader's language, the assets that go with them,
// the headers that keep a browser safe, forms, what is told after a redirect,
// and the page that an error becomes. It knows neither face. It imports web
// and domain/fault.
package page
