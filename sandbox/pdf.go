package sandbox

import (
	"bytes"
	"fmt"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"

	"tollgate/money"
)

// A paper is an invoice as it is printed: finished words and money.
type paper struct {
	number, status  string
	seller          string
	customer, email string
	created         time.Time
	paidAt          time.Time // zero unless paid
	lines           []paperLine
	balance         money.Amount // applied from the customer's balance
	total, due      money.Amount
}

// A paperLine is one line of a paper.
type paperLine struct {
	text     string
	period   span
	quantity int64
	amount   money.Amount
}

// pdf prints p on A4. The same paper gives the same bytes.
func (p paper) pdf() ([]byte, error) {
	doc := fpdf.New("P", "mm", "A4", "")
	doc.SetCatalogSort(true)
	doc.SetCreationDate(p.created.UTC())
	doc.SetModificationDate(p.created.UTC())
	doc.SetTitle("Invoice "+p.number, true)
	doc.SetLang("en")
	doc.AddUTF8FontFromBytes("go", "", goregular.TTF)
	doc.AddUTF8FontFromBytes("go", "B", gobold.TTF)
	doc.SetMargins(20, 20, 20)
	doc.SetFooterFunc(func() { p.footer(doc) })
	doc.AddPage()
	p.head(doc)
	p.table(doc)
	p.sums(doc)
	var out bytes.Buffer
	if err := doc.Output(&out); err != nil {
		return nil, fmt.Errorf("sandbox: print invoice %s: %w", p.number, err)
	}
	return out.Bytes(), nil
}

func (p paper) head(doc *fpdf.Fpdf) {
	doc.SetFillColor(255, 236, 179)
	doc.SetFont("go", "B", 9)
	doc.CellFormat(170, 8, "SANDBOX INVOICE · no money moves", "", 1, "C", true, 0, "")
	doc.Ln(6)
	doc.SetFont("go", "B", 20)
	doc.CellFormat(170, 10, "Invoice", "", 1, "L", false, 0, "")
	doc.Ln(2)
	for _, row := range p.facts() {
		doc.SetFont("go", "B", 9)
		doc.CellFormat(40, 5.5, row[0], "", 0, "L", false, 0, "")
		doc.SetFont("go", "", 9)
		doc.CellFormat(130, 5.5, row[1], "", 1, "L", false, 0, "")
	}
	doc.Ln(6)
}

func (p paper) facts() [][2]string {
	facts := [][2]string{
		{"Invoice number", p.number},
		{"Date of issue", day(p.created)},
		{"Status", p.status},
		{"From", p.seller},
		{"Bill to", p.customer},
	}
	if p.email != "" {
		facts = append(facts, [2]string{"", p.email})
	}
	if !p.paidAt.IsZero() {
		facts = append(facts, [2]string{"Paid on", day(p.paidAt)})
	}
	return facts
}

func (p paper) table(doc *fpdf.Fpdf) {
	doc.SetFont("go", "B", 9)
	doc.SetDrawColor(190, 190, 190)
	doc.CellFormat(115, 7, "Description", "B", 0, "L", false, 0, "")
	doc.CellFormat(20, 7, "Quantity", "B", 0, "R", false, 0, "")
	doc.CellFormat(35, 7, "Amount", "B", 1, "R", false, 0, "")
	for _, l := range p.lines {
		l.print(doc)
	}
}

// print writes the words first, which may take several rows, and the numbers
// beside their first row.
func (l paperLine) print(doc *fpdf.Fpdf) {
	doc.SetFont("go", "", 9)
	if doc.GetY() > 255 {
		doc.AddPage()
	}
	top := doc.GetY() + 1.5
	doc.SetXY(135, top)
	doc.CellFormat(20, 5, fmt.Sprint(l.quantity), "", 0, "R", false, 0, "")
	doc.CellFormat(35, 5, l.amount.String(), "", 0, "R", false, 0, "")
	doc.SetXY(20, top)
	doc.MultiCell(113, 5, l.text, "", "L", false)
	if l.period.seconds() > 0 {
		doc.SetTextColor(110, 110, 110)
		doc.SetFont("go", "", 8)
		doc.CellFormat(113, 4.5, day(l.period.start)+" – "+day(l.period.end), "", 1, "L", false, 0, "")
		doc.SetTextColor(0, 0, 0)
	}
}

func (p paper) sums(doc *fpdf.Fpdf) {
	doc.Ln(3)
	doc.CellFormat(170, 0, "", "T", 1, "", false, 0, "")
	sum := func(style, label string, a money.Amount) {
		doc.SetFont("go", style, 10)
		doc.CellFormat(125, 7, label, "", 0, "R", false, 0, "")
		doc.CellFormat(45, 7, a.String(), "", 1, "R", false, 0, "")
	}
	sum("", "Total", p.total)
	if !p.balance.IsZero() {
		sum("", "Customer balance", p.balance)
	}
	sum("B", "Amount due", p.due)
}

func (p paper) footer(doc *fpdf.Fpdf) {
	doc.SetY(-18)
	doc.SetFont("go", "", 8)
	doc.SetTextColor(110, 110, 110)
	doc.CellFormat(170, 5, fmt.Sprintf("%s · made by a local sandbox for trying things out · page %d", p.number, doc.PageNo()), "", 0, "C", false, 0, "")
	doc.SetTextColor(0, 0, 0)
}

// day writes a date as people read it. All dates of the sandbox are in UTC.
func day(t time.Time) string { return t.UTC().Format("2 January 2006 UTC") }
