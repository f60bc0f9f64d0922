package development

import (
	"crypto/rand"
	"fmt"

	"kibali/domain/actor"
	"kibali/identity"
)

// keysFile is the file of the data folder that holds keys.
const keysFile = "keys.json"

// keys are the secrets of a data folder. They are made once, before anything
// else, so that tokens and passwords work after every restart.
type keys struct {
	SecretKey    string      `json:"secret_key"`
	ServiceToken string      `json:"service_token"`
	DemoPassword string      `json:"demo_password"`
	Staff        []staffKeys `json:"staff"`
}

// staffKeys are how one staff member gets in.
type staffKeys struct {
	Role     actor.Role `json:"role"`
	Email    string     `json:"email"`
	Password string     `json:"password"`
	Token    string     `json:"token"`
}

// staffNames are the demo staff, one of each role.
var staffNames = map[actor.Role]string{
	actor.Admin:    "Neema Mushi",
	actor.Reviewer: "Baraka Mollel",
	actor.Finance:  "Zainab Salum",
	actor.Support:  "Juma Kileo",
	actor.Auditor:  "Grace Lyimo",
}

// openKeys reads the keys of the folder, or makes those of a new one.
func openKeys(f *folder) (keys, error) {
	var k keys
	found, err := f.read(keysFile, &k)
	if err != nil || found {
		return k, err
	}
	if f.exists("postgres") {
		return keys{}, fmt.Errorf("%s is gone, and with it the logins to the data in %s: put it back, or remove the folder to start afresh",
			f.file(keysFile), f.path)
	}
	k = keys{SecretKey: rand.Text() + rand.Text(), DemoPassword: passphrase()}
	k.ServiceToken, _ = identity.NewToken(identity.ServiceToken)
	for _, role := range actor.Roles() {
		token, _ := identity.NewToken(identity.StaffToken)
		k.Staff = append(k.Staff, staffKeys{
			Role: role, Email: string(role) + "@kibali.example", Password: passphrase(), Token: token,
		})
	}
	return k, f.write(keysFile, k)
}

// passphrase returns a password of 24 random letters and digits in groups, as
// they can be typed.
func passphrase() string {
	text := rand.Text()
	return text[0:6] + "-" + text[6:12] + "-" + text[12:18] + "-" + text[18:24]
}
