// A shop on npm's stripe: node journey.mjs PORT KEY PATH-OF-THE-MODULE.
// Every step throws when the sandbox answers otherwise than Stripe would.
import assert from 'node:assert/strict';
import {createServer} from 'node:http';
import {createRequire} from 'node:module';

const [port, key, modulePath] = process.argv.slice(2);
const required = createRequire(import.meta.url)(modulePath);
const Stripe = required.default ?? required.Stripe ?? required;
const stripe = new Stripe(key, {host: '127.0.0.1', port: Number(port), protocol: 'http', maxNetworkRetries: 0, telemetry: false});

const heard = [];
const receiver = createServer((request, response) => {
  const parts = [];
  request.on('data', part => parts.push(part));
  request.on('end', () => {
    const event = stripe.webhooks.constructEvent(Buffer.concat(parts), request.headers['stripe-signature'], endpoint.secret);
    assert.throws(() => stripe.webhooks.constructEvent(Buffer.concat(parts), request.headers['stripe-signature'], 'whsec_other'));
    heard.push(event);
    response.end();
  });
});
await new Promise(done => receiver.listen(0, '127.0.0.1', done));
const endpoint = await stripe.webhookEndpoints.create({url: `http://127.0.0.1:${receiver.address().port}/`, enabled_events: ['*']});

const account = await stripe.accounts.create({type: 'standard', country: 'GB'});
assert.equal(account.charges_enabled, false);

const product = await stripe.products.create({name: 'Gold', metadata: {plan: 'gold'}});
const price = await stripe.prices.create({product: product.id, currency: 'usd', unit_amount: 4900, recurring: {interval: 'month'}});
const meter = await stripe.billing.meters.create({display_name: 'Calls', event_name: 'calls', default_aggregation: {formula: 'sum'}});
const metered = await stripe.prices.create({product: product.id, currency: 'usd', unit_amount_decimal: '0.05', recurring: {interval: 'month', usage_type: 'metered', meter: meter.id}});
assert.equal(metered.unit_amount, null);
await assert.rejects(stripe.prices.create({product: 'prod_none', currency: 'usd', unit_amount: 1}), {type: 'StripeInvalidRequestError', code: 'resource_missing', param: 'product'});

const customer = await stripe.customers.create({email: 'ada@example.com', name: 'Ada'}, {idempotencyKey: 'ada'});
assert.equal((await stripe.customers.create({email: 'ada@example.com', name: 'Ada'}, {idempotencyKey: 'ada'})).id, customer.id);

const session = await stripe.checkout.sessions.create({
  mode: 'subscription', customer: customer.id, success_url: 'http://127.0.0.1/done?s={CHECKOUT_SESSION_ID}', cancel_url: 'http://127.0.0.1/',
  line_items: [{price: price.id, quantity: 1}, {price: metered.id}], client_reference_id: 'ours', allow_promotion_codes: true,
  subscription_data: {metadata: {ours: '1'}, trial_settings: {end_behavior: {missing_payment_method: 'cancel'}}},
});
assert.equal(session.status, 'open');
const form = number => ({method: 'POST', redirect: 'manual', body: new URLSearchParams({email: 'ada@example.com', number, expires: '04 / 39', cvc: '123', name: 'Ada', country: 'GB'})});
assert.equal((await fetch(session.url, form('4000 0000 0000 0002'))).status, 402);
const paid = await fetch(session.url, form('4242 4242 4242 4242'));
assert.equal(paid.status, 303);
assert.equal(paid.headers.get('location'), `http://127.0.0.1/done?s=${session.id}`);

const done = await stripe.checkout.sessions.retrieve(session.id, {expand: ['line_items', 'subscription.latest_invoice.payments', 'customer']});
assert.equal(done.payment_status, 'paid');
assert.equal(done.line_items.data.length, 2);
assert.equal(done.subscription.status, 'active');
assert.equal(done.subscription.billing_mode.type, 'flexible');
assert.equal(done.subscription.latest_invoice.payments.data[0].status, 'paid');
assert.equal(done.customer.email, 'ada@example.com');

await stripe.billing.meterEvents.create({event_name: 'calls', payload: {stripe_customer_id: customer.id, value: '12345'}});
const next = await stripe.invoices.createPreview({subscription: done.subscription.id});
assert.equal(next.total, 4900 + 617);

const names = [];
for await (const c of stripe.customers.list({limit: 1})) names.push(c.name);
assert.deepEqual(names, ['Ada']);

const later = await stripe.subscriptions.update(done.subscription.id, {cancel_at_period_end: true});
assert.equal(later.cancel_at, later.items.data[0].current_period_end);
const ended = await stripe.subscriptions.cancel(done.subscription.id, {invoice_now: true, prorate: true});
assert.equal(ended.status, 'canceled');

const refund = await stripe.refunds.create({payment_intent: done.subscription.latest_invoice.payments.data[0].payment.payment_intent, amount: 100});
assert.equal(refund.status, 'succeeded');

const wanted = ['checkout.session.completed', 'customer.subscription.created', 'invoice.paid', 'customer.subscription.deleted', 'refund.created'];
const deadline = Date.now() + 20_000;
const missing = () => wanted.filter(type => !heard.some(event => event.type === type));
while (missing().length && Date.now() < deadline) await new Promise(soon => setTimeout(soon, 20));
assert.deepEqual(missing(), []);
assert.equal(heard.find(event => event.type === 'checkout.session.completed').data.object.client_reference_id, 'ours');
receiver.close();
receiver.closeAllConnections();
