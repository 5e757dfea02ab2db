package billing

import (
	"strconv"
	"time"

	"tollgate/money"
)

// wso2Time is how WSO2 writes instants, always in UTC.
const wso2Time = "2006-01-02 15:04:05 MST"

// CurrentUsageForSubscription returns the 18 properties that WSO2 shows of an
// invoice, under WSO2's names. Amounts are exact, in major units.
func CurrentUsageForSubscription(i Invoice) map[string]string {
	return map[string]string{
		"Description":          i.Description,
		"Paid":                 strconv.FormatBool(i.Status == "paid"),
		"Tax":                  sum(i.Tax),
		"Invoice ID":           i.ID,
		"Account Name":         i.AccountName,
		"Next Payment Attempt": wso2Instant(i.NextAttempt),
		"Customer Email":       i.CustomerEmail,
		"Currency":             i.Currency.Code(),
		"Account Country":      i.AccountCountry,
		"Amount Remaining":     sum(i.AmountRemaining),
		"Period End":           wso2Instant(i.PeriodEnd),
		"Due Date":             wso2Instant(i.DueDate),
		"Amount Due":           sum(i.AmountDue),
		"Total Tax Amounts":    sum(i.Tax),
		"Amount Paid":          sum(i.AmountPaid),
		"Subtotal":             sum(i.Subtotal),
		"Total":                sum(i.Total),
		"Period Start":         wso2Instant(i.PeriodStart),
	}
}

func sum(a money.Amount) string {
	if a.Currency().IsZero() {
		return ""
	}
	return a.Decimal()
}

func wso2Instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(wso2Time)
}
