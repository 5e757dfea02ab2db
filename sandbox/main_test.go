package sandbox_test

import (
	"os"
	"testing"

	"tollgate/internal/browser"
)

func TestMain(m *testing.M) { os.Exit(browser.Main(m)) }
