// Package stripetest holds tests to Stripe's own description of its API. It
// asks stripe-mock, in this process, whether it understands what our client
// sends (Checked), and compares what the sandbox answers and announces with the
// OpenAPI description of the version it was rendered for (Responses).
package stripetest
