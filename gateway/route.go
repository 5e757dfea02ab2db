package gateway

import "strings"

// SplitTenant takes the tenant off a clean path: /t/{domain}/… names its domain,
// every other path is the default tenant's, whose domain is "" here.
func SplitTenant(path string) (domain, rest string) {
	below, named := strings.CutPrefix(path, "/t/")
	if !named {
		return "", path
	}
	end := strings.IndexByte(below, '/')
	if end < 0 {
		return strings.ToLower(below), "/"
	}
	return strings.ToLower(below[:end]), below[end:]
}

// Longest returns what table has for the beginning of a clean path. Its keys are
// parts of a path with slashes between but not around them, at most so many parts.
// Contexts of APIs may have several parts, so that several keys may fit: the longest
// does. The rest of the path is "" or begins with a slash.
func Longest[T any](table map[string]T, parts int, path string) (value T, rest string, ok bool) {
	end := 0
	for range parts {
		if end >= len(path) {
			break
		}
		if next := strings.IndexByte(path[end+1:], '/'); next >= 0 {
			end += 1 + next
		} else {
			end = len(path)
		}
	}
	for end > 1 {
		if value, ok = table[path[1:end]]; ok {
			return value, path[end:], true
		}
		end = strings.LastIndexByte(path[:end], '/')
	}
	return value, "", false
}

// Parts counts the parts of a key of Longest.
func Parts(key string) int { return strings.Count(key, "/") + 1 }
