// Package static is the style sheet and the font of the sandbox's pages.
package static

import "embed"

// Files holds everything under the names that pages ask for.
//
//go:embed sandbox.css inter-latin-wght-normal.woff2
var Files embed.FS
