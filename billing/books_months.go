package billing

import (
	"context"
	"time"

	"tollgate/accounts"
	"tollgate/models"
)

// A MonthTakings is what was billed in a month, by currency.
type MonthTakings struct {
	Month   time.Time // its start
	Takings []Takings
}

// Takings returns what was billed in each of the last n months up to the one of
// q.Month, that one first. q.Lines is not looked at.
func (b Books) Takings(ctx context.Context, who accounts.Actor, q BooksQuery, n int) ([]MonthTakings, error) {
	o, err := b.open(ctx, who, q)
	if err != nil {
		return nil, err
	}
	s := o.invoices
	newest := s.From.Time()
	s.From = models.At(newest.AddDate(0, 1-n, 0))
	days, err := models.InvoiceDays(ctx, b.DB, who.Tenant, s)
	if err != nil {
		return nil, err
	}
	months, at := make([]MonthTakings, n), map[time.Time]int{}
	for i := range months {
		months[i].Month = newest.AddDate(0, -i, 0)
		at[months[i].Month] = i
	}
	for _, d := range days {
		t, err := takings(d)
		if err != nil {
			return nil, err
		}
		month, _ := MonthOf(d.Day.Time())
		m := &months[at[month]]
		if m.Takings, err = take(m.Takings, t); err != nil {
			return nil, err
		}
	}
	return months, nil
}
