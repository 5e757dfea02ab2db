package account

import "strings"

// A sign is a word in a user agent and what it means. The first that fits counts,
// because browsers name those they descend from too.
type sign struct{ in, means string }

var browsers = []sign{
	{"Edg/", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"}, {"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"},
	{"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}, {"curl/", "curl"},
}

var systems = []sign{
	{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"Mac OS", "macOS"},
	{"CrOS", "ChromeOS"}, {"Linux", "Linux"},
}

// browserWords says which browser a user agent is, as people know it.
func browserWords(agent string) string {
	browser, system := meaning(agent, browsers), meaning(agent, systems)
	switch {
	case browser == "" && system == "":
		return "Unknown browser"
	case browser == "":
		return "A browser on " + system
	case system == "":
		return browser
	}
	return browser + " on " + system
}

func meaning(agent string, signs []sign) string {
	for _, s := range signs {
		if strings.Contains(agent, s.in) {
			return s.means
		}
	}
	return ""
}
