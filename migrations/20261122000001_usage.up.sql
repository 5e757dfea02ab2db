CREATE TABLE IF NOT EXISTS access_changes (
    kind      varchar(12) NOT NULL CHECK (kind IN ('counter', 'key', 'application', 'subscription', 'api', 'policy', 'tenant')),
    object_id {{.ID}}     NOT NULL,
    number    bigint      NOT NULL,
    PRIMARY KEY (kind, object_id),
    UNIQUE (number, kind, object_id)
);
--bun:split
CREATE TABLE IF NOT EXISTS api_keys (
    id             {{.ID}}      NOT NULL PRIMARY KEY,
    tenant_id      bigint       NOT NULL,
    application_id integer      NOT NULL,
    name           {{.Str 80}}  NOT NULL,
    key_type       varchar(10)  NOT NULL CHECK (key_type IN ('PRODUCTION', 'SANDBOX')),
    prefix         varchar(24)  NOT NULL,
    hash           {{.ID}}      NOT NULL UNIQUE,
    replaces       {{.ID}},
    created_by     {{.ID}}      NOT NULL,
    created_at     bigint       NOT NULL,
    expires_at     bigint,
    revoked_at     bigint,
    last_used_at   bigint,
    live           integer      CHECK (live = 1),
    version        bigint       NOT NULL CHECK (version >= 0),
    UNIQUE (application_id, name, live),
    UNIQUE (tenant_id, application_id, id),
    FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id),
    FOREIGN KEY (application_id) REFERENCES am_application (application_id)
);
--bun:split
CREATE TABLE IF NOT EXISTS gateway_credentials (
    id           {{.ID}}      NOT NULL PRIMARY KEY,
    tenant_id    bigint       NOT NULL,
    name         {{.Str 80}}  NOT NULL,
    prefix       varchar(24)  NOT NULL,
    hash         {{.ID}}      NOT NULL UNIQUE,
    created_by   {{.ID}}      NOT NULL,
    created_at   bigint       NOT NULL,
    revoked_at   bigint,
    last_used_at bigint,
    live         integer      CHECK (live = 1),
    version      bigint       NOT NULL CHECK (version >= 0),
    UNIQUE (tenant_id, name, live),
    FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id)
);
--bun:split
CREATE TABLE IF NOT EXISTS gateways (
    writer      {{.ID}}      NOT NULL PRIMARY KEY,
    kind        varchar(10)  NOT NULL CHECK (kind IN ('gateway', 'portal')),
    name        {{.Str 255}} NOT NULL,
    address     {{.Str 255}} NOT NULL,
    started_at  bigint       NOT NULL,
    seen_at     bigint       NOT NULL,
    stopped_at  bigint,
    caught_up   bigint       NOT NULL,
    served      bigint       NOT NULL,
    refused     bigint       NOT NULL,
    failed      bigint       NOT NULL,
    in_flight   bigint       NOT NULL,
    problem     {{.Str 500}} NOT NULL
);
--bun:split
CREATE TABLE IF NOT EXISTS gateway_counts (
    writer          {{.ID}} NOT NULL,
    subscription_id integer NOT NULL,
    policy_id       integer NOT NULL,
    hour            bigint  NOT NULL,
    tenant_id       bigint  NOT NULL,
    calls           bigint  NOT NULL,
    quantity        bigint  NOT NULL,
    refused         bigint  NOT NULL,
    PRIMARY KEY (subscription_id, policy_id, hour, writer),
    FOREIGN KEY (subscription_id) REFERENCES am_subscription (subscription_id)
);
--bun:split
CREATE TABLE IF NOT EXISTS usage_windows (
    id                     {{.ID}}      NOT NULL PRIMARY KEY,
    tenant_id              bigint       NOT NULL,
    subscription_id        integer      NOT NULL,
    policy_id              integer      NOT NULL,
    api_id                 integer      NOT NULL,
    account                {{.Ref}}     NOT NULL,
    customer_id            {{.Ref}}     NOT NULL,
    event_name             {{.Ref}}     NOT NULL,
    stripe_subscription_id {{.Ref}}     NOT NULL,
    window_start           bigint       NOT NULL,
    window_end             bigint       NOT NULL,
    revision               integer      NOT NULL CHECK (revision >= 0),
    calls                  bigint       NOT NULL CHECK (calls >= 0),
    quantity               bigint       NOT NULL,
    identifier             {{.Ref}}     NOT NULL UNIQUE,
    event_at               bigint       NOT NULL,
    state                  varchar(12)  NOT NULL CHECK (state IN ('sealed', 'sending', 'sent', 'unknown', 'refused', 'unbillable')),
    open                   integer      CHECK (open = 1),
    note                   {{.Str 500}} NOT NULL,
    problem                {{.Str 500}} NOT NULL,
    attempts               integer      NOT NULL,
    sealed_at              bigint       NOT NULL,
    first_tried_at         bigint,
    next_try_at            bigint       NOT NULL,
    sent_at                bigint,
    version                bigint       NOT NULL CHECK (version >= 0),
    CHECK (window_end > window_start),
    CHECK ((open = 1 AND state IN ('sealed', 'sending', 'unknown', 'refused')) OR (open IS NULL AND state IN ('sent', 'unbillable'))),
    UNIQUE (subscription_id, policy_id, window_start, revision),
    UNIQUE (open, next_try_at, id),
    UNIQUE (tenant_id, state, sealed_at, id),
    FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id),
    FOREIGN KEY (subscription_id) REFERENCES am_subscription (subscription_id)
);
--bun:split
CREATE TABLE IF NOT EXISTS usage_ledger (
    subscription_id integer      NOT NULL,
    hour            bigint       NOT NULL,
    writer          {{.ID}}      NOT NULL,
    epoch           bigint       NOT NULL,
    seq_from        bigint       NOT NULL,
    seq_to          bigint       NOT NULL,
    tenant_id       bigint       NOT NULL,
    api_id          integer      NOT NULL,
    policy_id       integer      NOT NULL,
    first_at        bigint       NOT NULL,
    last_at         bigint       NOT NULL,
    recorded_at     bigint       NOT NULL,
    calls           bigint       NOT NULL CHECK (calls >= 0),
    counted         bigint       NOT NULL CHECK (counted >= 0),
    quantity        bigint       NOT NULL,
    kind            varchar(10)  NOT NULL CHECK (kind IN ('calls', 'packed', 'correction')),
    reason          {{.Str 255}} NOT NULL,
    todo            integer      CHECK (todo IN (1, 2, 3)),
    window_id       {{.ID}},
    detail          {{.Blob}},
    PRIMARY KEY (subscription_id, hour, writer, epoch, seq_from, seq_to),
    CHECK (seq_from > 0 AND seq_to >= seq_from),
    CHECK (kind = 'correction' OR (quantity >= 0 AND counted <= calls AND calls = seq_to - seq_from + 1)),
    CHECK (hour % 3600000 = 0 AND first_at >= hour AND last_at >= first_at AND last_at < hour + 3600000),
    CHECK (kind <> 'calls' OR first_at - first_at % 1000 = last_at - last_at % 1000),
    FOREIGN KEY (subscription_id) REFERENCES am_subscription (subscription_id),
    FOREIGN KEY (window_id) REFERENCES usage_windows (id)
);
--bun:split
CREATE TABLE IF NOT EXISTS usage_events (
    tenant_id       bigint       NOT NULL,
    source          {{.Str 255}} NOT NULL,
    event_id        {{.Str 255}} NOT NULL,
    subscription_id integer      NOT NULL,
    received_at     bigint       NOT NULL,
    PRIMARY KEY (tenant_id, source, event_id),
    UNIQUE (received_at, tenant_id, source, event_id),
    FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id)
);
--bun:split
CREATE TABLE IF NOT EXISTS quota_leases (
    subscription_id integer NOT NULL,
    window_start    bigint  NOT NULL,
    writer          {{.ID}} NOT NULL,
    units           bigint  NOT NULL CHECK (units >= 0),
    expires_at      bigint  NOT NULL,
    PRIMARY KEY (subscription_id, window_start, writer),
    FOREIGN KEY (subscription_id) REFERENCES am_subscription (subscription_id)
);
--bun:split
CREATE TABLE IF NOT EXISTS am_monetization_usage (
    id             {{.ID}}     NOT NULL PRIMARY KEY,
    state          varchar(50) NOT NULL CHECK (state IN ('INITIATED', 'RUNNING', 'COMPLETED')),
    status         varchar(50) NOT NULL CHECK (status IN ('INPROGRESS', 'SUCCESSFULL', 'UNSUCCESSFULL')),
    started_time   bigint      NOT NULL,
    published_time bigint      NOT NULL,
    finished_time  bigint,
    asked_by       {{.ID}},
    asked_at       bigint,
    holder         {{.ID}},
    term           bigint      NOT NULL,
    lease_until    bigint      NOT NULL,
    windows        bigint      NOT NULL,
    done           bigint      NOT NULL,
    failed         bigint      NOT NULL,
    version        bigint      NOT NULL CHECK (version >= 0)
);
--bun:split
CREATE TABLE IF NOT EXISTS usage_compares (
    subscription_id        integer  NOT NULL,
    policy_id              integer  NOT NULL,
    period_start           bigint   NOT NULL,
    period_end             bigint   NOT NULL,
    tenant_id              bigint   NOT NULL,
    account                {{.Ref}} NOT NULL,
    stripe_subscription_id {{.Ref}} NOT NULL,
    gateway                bigint   NOT NULL,
    ledger                 bigint   NOT NULL,
    sent                   bigint   NOT NULL,
    waiting                bigint   NOT NULL,
    unbillable             bigint   NOT NULL,
    stripe                 bigint,
    invoiced               bigint,
    invoice_id             {{.Ref}},
    agrees                 boolean  NOT NULL,
    compared_at            bigint   NOT NULL,
    due_at                 bigint,
    version                bigint   NOT NULL CHECK (version >= 0),
    PRIMARY KEY (subscription_id, policy_id, period_start),
    UNIQUE (due_at, subscription_id, policy_id, period_start),
    UNIQUE (tenant_id, agrees, subscription_id, policy_id, period_start),
    FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id),
    FOREIGN KEY (subscription_id) REFERENCES am_subscription (subscription_id)
);
