package usage_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"tollgate/internal/clock"
	"tollgate/internal/testdb"
	"tollgate/models"
	"tollgate/usage"
)

// BenchmarkRecord is calls acknowledged by an SQLite file that is safe against the
// loss of power, by how many callers there are.
func BenchmarkRecord(b *testing.B) {
	for _, callers := range []int{1, 64, 256} {
		for _, subscriptions := range []int{1, 50} {
			b.Run(fmt.Sprintf("callers=%d/subscriptions=%d", callers, subscriptions), func(b *testing.B) {
				db, err := models.Open(testdb.SQLite(b))
				if err != nil {
					b.Fatal(err)
				}
				defer db.Close()
				w := newLedgerWorld(b, db, subscriptions)
				w.wall, w.business = clock.Wall{}, clock.NewBusiness(clock.Wall{})
				l := usage.NewLedger(usage.LedgerOptions{DB: db, Wall: w.wall, Business: w.business, Kind: usage.KindGateway})
				w.run(b, l)
				var left atomic.Int64
				left.Store(int64(b.N))
				b.ReportAllocs()
				b.ResetTimer()
				var all sync.WaitGroup
				for caller := range callers {
					all.Go(func() {
						for i := caller; left.Add(-1) >= 0; i++ {
							if err := l.Record(b.Context(), w.call(w.subs[i%subscriptions])); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				all.Wait()
				b.StopTimer()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
				l.Close()
				var commits int
				if err := db.NewSelect().TableExpr("usage_ledger").ColumnExpr("COUNT(*)").Scan(b.Context(), &commits); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(b.N)/float64(commits), "calls/row")
			})
		}
	}
}
