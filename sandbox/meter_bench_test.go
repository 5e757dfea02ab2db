package sandbox_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v82"

	"tollgate/sandbox"
)

// metering is a sandbox in a file, reached by stripe-go over loopback, with a
// meter and customers.
func metering(tb testing.TB, customers int) (sc *stripe.Client, meter string, ids []string) {
	tb.Helper()
	server, err := sandbox.Open(context.Background(), sandbox.Options{Path: tb.TempDir() + "/sandbox.db"})
	if err != nil {
		tb.Fatal(err)
	}
	listening := httptest.NewServer(server.Handler())
	tb.Cleanup(func() {
		listening.Close()
		if err := server.Close(); err != nil {
			tb.Error(err)
		}
	})
	s := &site{url: listening.URL}
	sc = s.client(oneKey)
	m, err := sc.V1BillingMeters.Create(context.Background(), &stripe.BillingMeterCreateParams{
		DisplayName: stripe.String("Calls"), EventName: stripe.String("calls"),
		DefaultAggregation: &stripe.BillingMeterCreateDefaultAggregationParams{Formula: stripe.String("sum")},
	})
	if err != nil {
		tb.Fatal(err)
	}
	for range customers {
		c, err := sc.V1Customers.Create(context.Background(), nil)
		if err != nil {
			tb.Fatal(err)
		}
		ids = append(ids, c.ID)
	}
	return sc, m.ID, ids
}

func reportTo(sc *stripe.Client, customer, identifier string, at time.Time) error {
	p := &stripe.BillingMeterEventCreateParams{EventName: stripe.String("calls"), Identifier: stripe.String(identifier), Timestamp: stripe.Int64(at.Unix()),
		Payload: map[string]string{"stripe_customer_id": customer, "value": "25"}}
	p.SetIdempotencyKey("key-" + identifier)
	_, err := sc.V1BillingMeterEvents.Create(context.Background(), p)
	return err
}

// BenchmarkMeterEvents sends events through stripe-go over loopback to a sandbox
// in a file: one after the other, and for eight customers at once.
func BenchmarkMeterEvents(b *testing.B) {
	b.Run("one after the other", func(b *testing.B) {
		sc, _, customers := metering(b, 1)
		n := 0
		for b.Loop() {
			if err := reportTo(sc, customers[0], fmt.Sprint("e", n), time.Now()); err != nil {
				b.Fatal(err)
			}
			n++
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	})
	b.Run("eight customers at once", func(b *testing.B) {
		sc, _, customers := metering(b, 8)
		var worker, n atomic.Int64
		b.SetParallelism(4) // of two cores: eight
		b.RunParallel(func(pb *testing.PB) {
			mine := customers[int(worker.Add(1)-1)%len(customers)]
			for pb.Next() {
				if err := reportTo(sc, mine, fmt.Sprint("e", n.Add(1)), time.Now()); err != nil {
					b.Error(err)
					return
				}
			}
		})
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	})
}

// BenchmarkSummary reads summaries of one customer who has few of the events that
// the meter has: it must not matter how many others there are.
func BenchmarkSummary(b *testing.B) {
	for _, others := range []int{100, 10_000} {
		b.Run(fmt.Sprintf("beside %d events", others), func(b *testing.B) {
			sc, meter, customers := metering(b, 2)
			now := time.Now().Truncate(time.Hour)
			for i := range others {
				if err := reportTo(sc, customers[1], fmt.Sprint("o", i), now.Add(-time.Duration(i)*time.Minute)); err != nil {
					b.Fatal(err)
				}
			}
			for i := range 100 {
				if err := reportTo(sc, customers[0], fmt.Sprint("m", i), now.Add(-time.Duration(i)*time.Hour)); err != nil {
					b.Fatal(err)
				}
			}
			for customer, who := range map[string]string{customers[0]: "of 100", customers[1]: "of all"} {
				for grouping, wanted := range map[string]*string{"whole": nil, "hours": stripe.String("hour")} {
					b.Run(grouping+" "+who, func(b *testing.B) {
						for b.Loop() {
							p := &stripe.BillingMeterEventSummaryListParams{ID: stripe.String(meter), Customer: stripe.String(customer), ValueGroupingWindow: wanted,
								StartTime: stripe.Int64(now.AddDate(0, 0, -30).Unix()), EndTime: stripe.Int64(now.Unix())}
							p.Limit, p.Single = stripe.Int64(100), true
							for _, err := range sc.V1BillingMeterEventSummaries.List(context.Background(), p) {
								if err != nil {
									b.Fatal(err)
								}
							}
						}
					})
				}
			}
		})
	}
}
