package respond

import (
	"bytes"
	"encoding/csv"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// CSV answers with a table to be kept: a header and rows, as RFC 4180 writes them.
func CSV(c *fiber.Ctx, name string, header []string, rows [][]string) error {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	w.UseCRLF = true
	for _, row := range append([][]string{header}, rows...) {
		safe := make([]string, len(row))
		for i, cell := range row {
			safe[i] = Cell(cell)
		}
		if err := w.Write(safe); err != nil {
			return err
		}
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return err
	}
	return Download(c, name, "text/csv; charset=utf-8", out.Bytes())
}

// Cell returns text as a cell that no spreadsheet takes for a formula: what begins
// like one gets an apostrophe before it (OWASP, CSV injection). A number, signed
// or not, stays one.
func Cell(text string) string {
	if text == "" || !strings.ContainsAny(text[:1], "=+-@\t\r\n") || number(text) {
		return text
	}
	return "'" + text
}

// number reports whether text is a plain decimal.
func number(text string) bool {
	digits := strings.TrimLeft(text, "+-")
	if len(text)-len(digits) > 1 || digits == "" {
		return false
	}
	whole, fraction, _ := strings.Cut(digits, ".")
	return strings.Trim(whole+fraction, "0123456789") == "" && whole+fraction != ""
}
