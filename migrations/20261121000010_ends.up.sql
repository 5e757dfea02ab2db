CREATE TABLE IF NOT EXISTS endings (
    id          {{.ID}}      NOT NULL PRIMARY KEY,
    tenant_id   bigint       NOT NULL,
    kind        varchar(20)  NOT NULL CHECK (kind IN ('subscription', 'application', 'api', 'plan', 'person', 'sale', 'offer')),
    object_id   {{.ID}}      NOT NULL,
    object_name {{.Str 300}} NOT NULL,
    publisher   {{.ID}}      NOT NULL,
    how         varchar(12)  NOT NULL CHECK (how IN ('now', 'period_end')),
    refund      boolean      NOT NULL,
    reason      {{.Str 500}} NOT NULL,
    actor       {{.ID}}      NOT NULL,
    actor_name  {{.Str 200}} NOT NULL,
    actor_role  varchar(20)  NOT NULL CHECK (actor_role IN ('subscriber', 'publisher', 'admin')),
    asked_at    bigint       NOT NULL,
    total       integer      NOT NULL,
    UNIQUE (tenant_id, asked_at, id),
    UNIQUE (actor, asked_at, id),
    FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id),
    FOREIGN KEY (actor) REFERENCES people (person_id)
);
--bun:split
CREATE TABLE IF NOT EXISTS ending_subscriptions (
    ending_id          {{.ID}} NOT NULL,
    am_subscription_id integer NOT NULL,
    tenant_id          bigint  NOT NULL,
    job                {{.ID}},
    asked              boolean NOT NULL,
    was_unpaid         boolean NOT NULL,
    last_invoice       {{.Ref}},
    withdrawn_at       bigint,
    PRIMARY KEY (ending_id, am_subscription_id),
    UNIQUE (am_subscription_id, ending_id),
    UNIQUE (ending_id, asked, am_subscription_id),
    FOREIGN KEY (ending_id) REFERENCES endings (id),
    FOREIGN KEY (am_subscription_id) REFERENCES am_subscription (subscription_id)
);
