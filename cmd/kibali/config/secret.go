package config

// Secret is the key of an installation, from which serve and worker derive the
// keys of what they seal and sign.
type Secret struct {
	SecretKey string `name:"secret-key" env:"KIBALI_SECRET_KEY" placeholder:"KEY" help:"Signs links that are mailed, seals cursors and the second factors of staff; at least 32 characters, the same for every serve and worker. openssl rand -base64 33 makes one."`
}

const minSecretKey = 32

// Key returns the secret key.
func (s Secret) Key(p *Problems) []byte {
	const do = "give at least 32 random characters, the same for every serve and worker; `openssl rand -base64 33` makes them"
	if !p.need("KIBALI_SECRET_KEY", s.SecretKey, do) {
		return nil
	}
	if len(s.SecretKey) < minSecretKey {
		p.add("KIBALI_SECRET_KEY", "is too short: %s", do)
	}
	return []byte(s.SecretKey)
}
