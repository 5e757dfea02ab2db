package sandbox

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tollgate/money"
)

func samplePaper() paper {
	june := span{time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)}
	return paper{
		number: "AB12CD34-0002", status: "Paid", seller: "Publisher Inc", customer: "Dev Subscriber", email: "dev@example.com",
		created: june.end, paidAt: june.end.Add(time.Hour),
		lines: []paperLine{
			{"1 × Weather API (at $49.00 / month)", june, 1, money.New(4900, usd)},
			{"12345 API call × Weather API calls, with a name that is rather longer than one row of the table can hold (at $0.0005 / month)", june, 12345, money.New(617, usd)},
		},
		balance: money.New(0, usd), total: money.New(5517, usd), due: money.New(0, usd),
	}
}

func TestTheSameInvoicePrintsTheSameBytes(t *testing.T) {
	t.Parallel()
	first, err := samplePaper().pdf()
	if err != nil {
		t.Fatal(err)
	}
	second, err := samplePaper().pdf()
	if err != nil || !bytes.Equal(first, second) || !bytes.HasPrefix(first, []byte("%PDF-")) {
		t.Errorf("two prints differ, or are no PDF (%v)", err)
	}
}

func TestThePrintSaysWhatItIs(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("pdftotext"); err != nil && os.Getenv("CI") == "true" {
		t.Fatal(err)
	} else if err != nil {
		t.Skip(err)
	}
	doc, err := samplePaper().pdf()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "invoice.pdf")
	if err := os.WriteFile(file, doc, 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := exec.Command("pdftotext", "-layout", file, "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"SANDBOX INVOICE", "AB12CD34-0002", "Dev Subscriber", "49.00 USD", "6.17 USD", "55.17 USD", "1 June 2026 UTC", "12345"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the print does not say %q:\n%s", want, text)
		}
	}
}
