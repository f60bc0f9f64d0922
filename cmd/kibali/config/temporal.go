package config

import (
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
)

// Temporal returns how Temporal is reached, from Temporal's own variables and
// configuration file, which its command line knows as well.
func Temporal(p *Problems) client.Options {
	options, err := envconfig.LoadDefaultClientOptions()
	if err != nil {
		p.add("TEMPORAL_...", "variables or Temporal's configuration file cannot be used: %v", err)
		return client.Options{}
	}
	if options.HostPort == "" {
		options.HostPort = client.DefaultHostPort
	}
	if options.Namespace == "" {
		options.Namespace = client.DefaultNamespace
	}
	return options
}

// temporalSettings documents the variables that Temporal defines.
var temporalSettings = []Setting{
	{Variable: "TEMPORAL_ADDRESS", Default: client.DefaultHostPort, Help: "Temporal's frontend."},
	{Variable: "TEMPORAL_NAMESPACE", Default: client.DefaultNamespace, Help: "The namespace of the cases."},
	{Variable: "TEMPORAL_API_KEY", Help: "An API key, as Temporal Cloud gives them; turns TLS on."},
	{Variable: "TEMPORAL_TLS", Help: "true or false: whether to use TLS."},
	{Variable: "TEMPORAL_TLS_CLIENT_CERT_PATH", Help: "The client's certificate for mutual TLS."},
	{Variable: "TEMPORAL_TLS_CLIENT_KEY_PATH", Help: "The key of that certificate."},
	{Variable: "TEMPORAL_TLS_SERVER_CA_CERT_PATH", Help: "The authority that signed the server's certificate."},
	{Variable: "TEMPORAL_TLS_SERVER_NAME", Help: "The name in the server's certificate, if it is not its address."},
	{Variable: "TEMPORAL_CONFIG_FILE", Help: "A file with profiles, as the temporal command writes it."},
	{Variable: "TEMPORAL_PROFILE", Default: "default", Help: "The profile in that file."},
}
