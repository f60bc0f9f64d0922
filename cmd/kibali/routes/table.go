// Package routes prints who may use each route, and asks a running Kibali
// whether it is so. It imports the faces, whose routes they are.
package routes

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"kibali/api"
	"kibali/console"
	"kibali/console/portal"
	"kibali/web"
)

// Route is one route, with who may use it.
type Route struct {
	Method string // "*" for every one
	Path   string // as it is declared, "/v1/accounts/:id"
	Access web.Access
	// Page says that it is for browsers, who hold their credential in a cookie.
	Page bool
}

// All returns every route of the API, the console and the portal.
func All() []Route {
	return slices.Concat(routesOf(api.Routes(), false), routesOf(console.Routes(), true), routesOf(portal.Routes(), true))
}

func routesOf(declared map[string]web.Access, page bool) []Route {
	var routes []Route
	for _, name := range slices.SortedFunc(maps.Keys(declared), byPath) {
		method, path, _ := strings.Cut(name, " ")
		routes = append(routes, Route{method, path, declared[name], page})
	}
	return routes
}

func byPath(a, b string) int {
	methodA, pathA, _ := strings.Cut(a, " ")
	methodB, pathB, _ := strings.Cut(b, " ")
	return strings.Compare(pathA+" "+methodA, pathB+" "+methodB)
}

// Print writes the table: a line for each route and a column for each holder of a
// credential. Of staff "recent" is who must have signed in a short while ago, unless
// they hold a personal access token, and "session" who must have signed in.
func Print(out io.Writer, routes []Route) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprint(table, "method\troute\twho")
	for _, h := range web.Holders() {
		fmt.Fprintf(table, "\t%s", h)
	}
	fmt.Fprintln(table)
	for _, r := range routes {
		fmt.Fprintf(table, "%s\t%s\t%s", r.Method, r.Path, r.Access)
		for _, h := range web.Holders() {
			fmt.Fprintf(table, "\t%s", cell(r, h))
		}
		fmt.Fprintln(table)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("print the table: %w", err)
	}
	return nil
}

func cell(r Route, h web.Holder) string {
	// A page is a browser's, which has sessions and no tokens.
	switch token, session := r.Access.AdmitsHolder(h, false) && !r.Page, r.Access.AdmitsHolder(h, true); {
	case h == web.KeyHolder && r.Page && !r.Access.ForAnyone(), h == web.ServiceHolder && r.Page && !r.Access.ForAnyone():
		return "-"
	case r.Access.ForAnyone():
		return "yes"
	case session && r.Access.Recently():
		return "recent"
	case session && !token && !r.Page:
		return "session"
	case session:
		return "yes"
	}
	return "-"
}
