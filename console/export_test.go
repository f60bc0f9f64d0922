package console

// SectionNames are the parts of the form of the policy.
func SectionNames() (names []string) {
	for _, s := range sectionsOf() {
		names = append(names, s.Name)
	}
	return names
}

// SettingNames are what a policy's faults and settings are called, but for canned
// reasons.
func SettingNames() []string {
	names := []string{"review", "appeals", "documents", "changes", "sessions.user", "sessions.staff"}
	for _, s := range sectionsOf() {
		for _, each := range s.Settings {
			names = append(names, each.Name)
		}
	}
	return names
}
