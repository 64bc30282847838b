package manual

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// Version is a line with the version of the module, the revision that it was built from and
// the version of Go; info is nil where a program is built without modules.
func Version(info *debug.BuildInfo) string {
	version, of := "(unknown)", make(map[string]string)
	if info != nil {
		version = info.Main.Version
		for _, setting := range info.Settings {
			of[setting.Key] = setting.Value
		}
	}
	line := program + " " + version
	if revision := of["vcs.revision"]; revision != "" {
		line += ", revision " + revision
		if of["vcs.modified"] == "true" {
			line += " with changes"
		}
	}
	return fmt.Sprintf("%s, %s %s/%s", line, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
