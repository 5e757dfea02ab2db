// Package money holds amounts of money that cannot be mixed up: sums in whole
// minor units, unit prices as exact decimals, and the one rule that rounds.
package money

import (
	"fmt"
	"strings"
)

// A Currency is an ISO 4217 code. The zero Currency is no currency.
type Currency struct{ code string }

// zeroDecimal and threeDecimal list the currencies whose minor unit, as Stripe
// counts it, is not a hundredth. ISK and UGX are hundredths at Stripe although
// they have no cents (Stripe, "Supported currencies").
var (
	zeroDecimal  = set("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf")
	threeDecimal = set("bhd jod kwd omr tnd")
	// known lists the currencies that Stripe charges in.
	known = set(`aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd
		cad cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd
		hkd hnl hrk htg huf idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl
		mad mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg
		qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos srd std szl thb tjs tnd top try ttd twd tzs
		uah ugx usd uyu uzs vnd vuv wst xaf xcd xof xpf yer zar zmw`)
)

func set(words string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		m[w] = true
	}
	return m
}

// ParseCurrency reads a code in any case. It refuses what Stripe cannot charge in.
func ParseCurrency(s string) (Currency, error) {
	code := strings.ToLower(strings.TrimSpace(s))
	if !known[code] {
		return Currency{}, fmt.Errorf("money: %q is not a currency that can be charged", s)
	}
	return Currency{code}, nil
}

// MustCurrency is ParseCurrency for codes written in the source. It panics on others.
func MustCurrency(s string) Currency {
	c, err := ParseCurrency(s)
	if err != nil {
		panic(err)
	}
	return c
}

// Code returns the code as Stripe spells it, in lower case.
func (c Currency) Code() string { return c.code }

// String returns the code as people read it, in upper case.
func (c Currency) String() string { return strings.ToUpper(c.code) }

// IsZero reports whether c is no currency.
func (c Currency) IsZero() bool { return c.code == "" }

// Exponent returns how many decimals the minor unit stands for: 2 for USD, 0 for JPY, 3 for KWD.
func (c Currency) Exponent() int {
	switch {
	case zeroDecimal[c.code]:
		return 0
	case threeDecimal[c.code]:
		return 3
	default:
		return 2
	}
}
