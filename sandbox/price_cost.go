package sandbox

import (
	"strconv"

	"tollgate/money"
)

// cost reads what a new price costs: one amount for each unit, or tiers.
func (p *Price) cost(in priceCreate, c money.Currency) error {
	if p.BillingScheme == "tiered" {
		return p.tiered(in, c)
	}
	switch {
	case in.Tiers != nil || in.TiersMode != "":
		return invalid("tiers", "`tiers` can only be specified with `billing_scheme=tiered`.")
	case in.UnitAmount == nil && in.UnitAmountDecimal == nil:
		return invalidCode("parameter_missing", "unit_amount", "Prices require an `unit_amount` or `unit_amount_decimal` parameter to be set.")
	}
	p.TransformQuantity = in.Transform
	var err error
	p.UnitAmount, p.UnitAmountDecimal, err = amountOf(in.UnitAmount, in.UnitAmountDecimal, "unit_amount", c)
	return err
}

// amountOf reads one amount in either of its two forms. The whole form is nil
// when the exact one is not whole.
func amountOf(whole *int64, exact *decimal, param string, c money.Currency) (*int64, *string, error) {
	if whole != nil && exact != nil {
		return nil, nil, invalid(param, "You may only specify one of these parameters: %s, %s_decimal.", param, param)
	}
	if whole == nil && exact == nil {
		return nil, nil, nil
	}
	text := ""
	if exact != nil {
		param, text = param+"_decimal", string(*exact)
	} else {
		text = strconv.FormatInt(*whole, 10)
	}
	rate, err := money.RateOfMinor(text, c)
	if err != nil {
		return nil, nil, invalidCode("parameter_invalid_integer", param, "Invalid %s: %s must be a non-negative number with at most 12 decimal places.", param, shorten(text))
	}
	text = rate.MinorDecimal()
	minor, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return nil, &text, nil
	}
	if most := mostMinor(c); minor > most {
		return nil, nil, invalidCode("amount_too_large", param, "Amount must be no more than %s.", money.New(most, c))
	}
	return &minor, &text, nil
}

// mostMinor is the largest amount that Stripe takes: eight digits for most currencies.
func mostMinor(c money.Currency) int64 {
	switch c.Code() {
	case "inr":
		return 999_999_999
	case "idr", "lbp":
		return 999_999_999_999
	case "cop", "huf", "jpy":
		return 9_999_999_999
	default:
		return 99_999_999
	}
}

func (p *Price) tiered(in priceCreate, c money.Currency) error {
	switch {
	case in.UnitAmount != nil || in.UnitAmountDecimal != nil:
		return invalid("unit_amount", "`unit_amount` and `unit_amount_decimal` cannot be specified with `billing_scheme=tiered`.")
	case in.Transform != nil:
		return invalid("transform_quantity", "`transform_quantity` cannot be combined with `tiers`.")
	case len(in.Tiers) == 0:
		return missingParam("tiers")
	case in.TiersMode == "":
		return missingParam("tiers_mode")
	}
	p.TiersMode = &in.TiersMode
	below := int64(0)
	for i, t := range in.Tiers {
		tier, err := t.read("tiers["+strconv.Itoa(i)+"]", i == len(in.Tiers)-1, below, c)
		if err != nil {
			return err
		}
		if tier.UpTo != nil {
			below = *tier.UpTo
		}
		p.Tiers = append(p.Tiers, tier)
	}
	return nil
}

// read checks one tier, which begins above below.
func (in tierParams) read(path string, last bool, below int64, c money.Currency) (tier PriceTier, err error) {
	switch upTo, failed := strconv.ParseInt(in.UpTo, 10, 64); {
	case in.UpTo == "inf" && !last:
		return tier, invalid(path+"[up_to]", "Only the last tier may have up_to=inf.")
	case in.UpTo == "inf":
	case last:
		return tier, invalid(path+"[up_to]", "The last tier must have up_to=inf.")
	case failed != nil:
		return tier, invalidCode("parameter_invalid_integer", path+"[up_to]", "Invalid integer: %s", shorten(in.UpTo))
	case upTo <= below:
		return tier, invalid(path+"[up_to]", "Tiers must be sorted by up_to, and each must end above the one before.")
	default:
		tier.UpTo = &upTo
	}
	if tier.UnitAmount, tier.UnitAmountDecimal, err = amountOf(in.UnitAmount, in.UnitAmountDecimal, path+"[unit_amount]", c); err != nil {
		return tier, err
	}
	if tier.FlatAmount, tier.FlatAmountDecimal, err = amountOf(in.FlatAmount, in.FlatAmountDecimal, path+"[flat_amount]", c); err != nil {
		return tier, err
	}
	if tier.UnitAmountDecimal == nil && tier.FlatAmountDecimal == nil {
		return tier, missingParam(path + "[unit_amount]")
	}
	return tier, nil
}
