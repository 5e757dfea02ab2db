package usage_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"tollgate/accounts"
	"tollgate/internal/testdb"
	"tollgate/models"
	"tollgate/usage"
)

// A distant sink takes everything after a while.
type distant struct{ far time.Duration }

// SendUsage implements usage.Sink.
func (d distant) SendUsage(context.Context, accounts.StripeAccount, string, usage.MeterEvent) error {
	time.Sleep(d.far)
	return nil
}

// UsageTotal implements usage.Sink.
func (distant) UsageTotal(context.Context, accounts.StripeAccount, string, string, time.Time, time.Time) (int64, error) {
	return 0, nil
}

// BenchmarkPublishing seals and sends windows of one account whose answers take 100 ms,
// at several paces. It reports windows a second, and which part of the pace that is:
// go test -bench Publishing -benchtime 10000x.
func BenchmarkPublishing(b *testing.B) {
	for _, rate := range []float64{25, 100, 0} {
		b.Run(fmt.Sprintf("pace %g", rate), func(b *testing.B) {
			w := openMeters(b, testdb.New(b), 1, 50)
			w.pub = w.publisher(distant{100 * time.Millisecond})
			w.pub.Wall, w.pub.Rate = realWall(), rate
			now := w.business.Now()
			var rows []*models.LedgerRow
			for i := range b.N {
				s := w.accounts[0].subs[i%len(w.accounts[0].subs)]
				rows = append(rows, w.ledgerRow(s, "Payg", now.Add(-time.Duration(1+i/len(w.accounts[0].subs))*time.Hour), 1))
			}
			for len(rows) > 0 {
				n := min(500, len(rows))
				part := rows[:n]
				w.put(b, &part)
				rows = rows[n:]
			}
			b.ResetTimer()
			if err := w.pub.PublishNow(b.Context(), w.admin); err != nil {
				b.Fatal(err)
			}
			if _, err := w.pub.RunOnce(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			sent, err := w.db.NewSelect().Model((*models.UsageWindow)(nil)).Where("state = ?", models.WindowSent).Count(b.Context())
			if err != nil || sent != int64(b.N) {
				b.Fatalf("%d of %d were sent, %v", sent, b.N, err)
			}
			perSecond := float64(b.N) / b.Elapsed().Seconds()
			b.ReportMetric(perSecond, "windows/s")
			if rate > 0 {
				b.ReportMetric(100*perSecond/rate, "%ofpace")
			}
		})
	}
}
