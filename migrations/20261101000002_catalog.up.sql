CREATE TABLE IF NOT EXISTS am_subscriber (
    subscriber_id   {{.Serial}},
    user_id         {{.Str 255}} NOT NULL,
    tenant_id       bigint       NOT NULL,
    email_address   {{.Str 256}},
    date_subscribed bigint       NOT NULL,
    created_by      {{.Str 100}},
    created_time    bigint,
    updated_by      {{.Str 100}},
    updated_time    bigint,
    person_id       {{.ID}}      NOT NULL UNIQUE,
    UNIQUE (tenant_id, user_id),
    FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id),
    FOREIGN KEY (person_id) REFERENCES people (person_id)
);
--bun:split
CREATE TABLE IF NOT EXISTS am_application (
    application_id      {{.Serial}},
    name                {{.Str 100}} NOT NULL,
    subscriber_id       integer      NOT NULL,
    application_tier    {{.Str 50}}  NOT NULL,
    callback_url        {{.Str 512}},
    description         {{.Str 512}},
    application_status  {{.Str 50}}  NOT NULL,
    group_id            {{.Str 100}},
    created_by          {{.Str 100}},
    created_time        bigint,
    updated_by          {{.Str 100}},
    updated_time        bigint,
    uuid                {{.ID}}      NOT NULL UNIQUE,
    token_type          varchar(10),
    organization        {{.Str 100}},
    shared_organization {{.Str 100}},
    tenant_id           bigint       NOT NULL,
    live                integer      CHECK (live = 1),
    version             bigint       NOT NULL CHECK (version >= 0),
    UNIQUE (subscriber_id, name, live),
    FOREIGN KEY (subscriber_id) REFERENCES am_subscriber (subscriber_id),
    FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id)
);
--bun:split
CREATE TABLE IF NOT EXISTS connected_accounts (
    id                   {{.ID}}      NOT NULL PRIMARY KEY,
    tenant_id            bigint       NOT NULL,
    platform_account     {{.Ref}}     NOT NULL,
    stripe_account       {{.Ref}}     NOT NULL,
    owner_id             {{.ID}}      NOT NULL,
    name                 {{.Str 255}} NOT NULL,
    country              varchar(2)   NOT NULL,
    default_currency     varchar(3)   NOT NULL,
    charges_enabled      boolean      NOT NULL,
    payouts_enabled      boolean      NOT NULL,
    details_submitted    boolean      NOT NULL,
    due                  {{.Text}}    NOT NULL,
    due_by               bigint,
    disabled_reason      {{.Str 255}} NOT NULL,
    portal_configuration {{.Ref}},
    live                 integer      CHECK (live = 1),
    checked_at           bigint       NOT NULL,
    created_at           bigint       NOT NULL,
    version              bigint       NOT NULL CHECK (version >= 0),
    UNIQUE (platform_account, stripe_account, live),
    UNIQUE (tenant_id, owner_id, id),
    FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id),
    FOREIGN KEY (owner_id) REFERENCES people (person_id)
);
--bun:split
CREATE TABLE IF NOT EXISTS am_api (
    api_id                {{.Serial}},
    api_uuid              {{.ID}}      NOT NULL UNIQUE,
    api_provider          {{.Str 200}} NOT NULL,
    api_name              {{.Str 200}} NOT NULL,
    api_version           {{.Str 30}}  NOT NULL,
    context               {{.Str 256}} NOT NULL,
    context_template      {{.Str 256}},
    api_tier              {{.Str 256}},
    api_type              varchar(10)  NOT NULL CHECK (api_type IN ('HTTP', 'APIProduct')),
    organization          {{.Str 100}} NOT NULL,
    created_by            {{.Str 100}},
    created_time          bigint,
    updated_by            {{.Str 100}},
    updated_time          bigint,
    status                varchar(30)  NOT NULL CHECK (status IN ('CREATED', 'PUBLISHED', 'DELETED')),
    api_display_name      {{.Str 256}},
    tenant_id             bigint       NOT NULL,
    owner_id              {{.ID}}      NOT NULL,
    description           {{.Text}}    NOT NULL,
    upstream              {{.Text}}    NOT NULL,
    connected_account_id  {{.ID}},
    monetization          varchar(10)  NOT NULL CHECK (monetization IN ('off', 'enabling', 'on', 'disabling')),
    monetization_problem  {{.Text}}    NOT NULL,
    live                  integer      CHECK (live = 1),
    version               bigint       NOT NULL CHECK (version >= 0),
    UNIQUE (api_provider, api_name, api_version, organization, live),
    UNIQUE (tenant_id, context, api_version, live),
    UNIQUE (tenant_id, owner_id, api_id),
    CHECK (monetization = 'off' OR connected_account_id IS NOT NULL),
    FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id),
    FOREIGN KEY (owner_id) REFERENCES people (person_id),
    FOREIGN KEY (connected_account_id) REFERENCES connected_accounts (id)
);
--bun:split
CREATE TABLE IF NOT EXISTS api_product_members (
    product_id integer NOT NULL,
    api_id     integer NOT NULL,
    position   integer NOT NULL,
    PRIMARY KEY (product_id, api_id),
    FOREIGN KEY (product_id) REFERENCES am_api (api_id),
    FOREIGN KEY (api_id) REFERENCES am_api (api_id)
);
--bun:split
CREATE TABLE IF NOT EXISTS api_attributes (
    api_id integer      NOT NULL,
    name   {{.Str 80}}  NOT NULL,
    value  {{.Str 900}} NOT NULL,
    PRIMARY KEY (api_id, name),
    FOREIGN KEY (api_id) REFERENCES am_api (api_id)
);
--bun:split
CREATE TABLE IF NOT EXISTS am_policy_subscription (
    policy_id              {{.Serial}},
    name                   {{.Str 512}}  NOT NULL,
    display_name           {{.Str 512}}  NOT NULL,
    tenant_id              bigint        NOT NULL,
    description            {{.Str 1024}} NOT NULL,
    quota_type             varchar(25)   NOT NULL CHECK (quota_type IN ('requestCount', 'bandwidthVolume', 'eventCount', 'aiApiQuota')),
    quota                  bigint        NOT NULL CHECK (quota >= 0),
    quota_unit             varchar(10),
    unit_time              integer       NOT NULL CHECK (unit_time > 0),
    time_unit              varchar(25)   NOT NULL CHECK (time_unit IN ('sec', 'min', 'hour', 'day', 'week', 'month', 'year')),
    rate_limit_count       bigint        NOT NULL CHECK (rate_limit_count >= 0),
    rate_limit_time_unit   varchar(25),
    is_deployed            boolean       NOT NULL,
    custom_attributes      {{.Text}}     NOT NULL,
    stop_on_quota_reach    boolean       NOT NULL,
    billing_plan           varchar(20)   NOT NULL CHECK (billing_plan IN ('FREE', 'COMMERCIAL')),
    uuid                   {{.ID}}       NOT NULL UNIQUE,
    monetization_plan      varchar(25)   CHECK (monetization_plan IN ('FIXEDRATE', 'DYNAMICRATE')),
    fixed_rate             varchar(15),
    billing_cycle          varchar(15)   CHECK (billing_cycle IN ('day', 'week', 'month', 'year')),
    price_per_request      varchar(31),
    currency               varchar(15),
    max_complexity         integer       NOT NULL,
    max_depth              integer       NOT NULL,
    connections_count      integer       NOT NULL,
    total_token_count      bigint,
    prompt_token_count     bigint,
    completion_token_count bigint,
    permission_type        varchar(10)   CHECK (permission_type IN ('ALLOW', 'DENY')),
    permission_roles       {{.Text}}     NOT NULL,
    created_at             bigint        NOT NULL,
    updated_at             bigint        NOT NULL,
    live                   integer       CHECK (live = 1),
    version                bigint        NOT NULL CHECK (version >= 0),
    UNIQUE (tenant_id, name, live),
    CHECK (billing_plan = 'FREE' OR monetization_plan IS NOT NULL),
    FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id)
);
--bun:split
CREATE TABLE IF NOT EXISTS price_versions (
    id            {{.ID}}     NOT NULL PRIMARY KEY,
    tenant_id     bigint      NOT NULL,
    policy_id     integer     NOT NULL,
    number        integer     NOT NULL CHECK (number > 0),
    model         varchar(25) NOT NULL CHECK (model IN ('FIXEDRATE', 'DYNAMICRATE')),
    currency      varchar(3)  NOT NULL,
    amount_minor  bigint      CHECK (amount_minor >= 0),
    unit_price    varchar(31),
    billing_cycle varchar(15) NOT NULL CHECK (billing_cycle IN ('day', 'week', 'month', 'year')),
    created_by    {{.Str 100}} NOT NULL,
    created_at    bigint      NOT NULL,
    UNIQUE (policy_id, number),
    CHECK ((model = 'FIXEDRATE' AND amount_minor IS NOT NULL AND unit_price IS NULL)
        OR (model = 'DYNAMICRATE' AND amount_minor IS NULL AND unit_price IS NOT NULL)),
    FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id),
    FOREIGN KEY (policy_id) REFERENCES am_policy_subscription (policy_id)
);
--bun:split
CREATE TABLE IF NOT EXISTS am_policy_plan_mapping (
    id               {{.Serial}},
    policy_uuid      {{.ID}}     NOT NULL,
    product_id       {{.Ref}},
    plan_id          {{.Ref}},
    tenant_id        bigint      NOT NULL,
    price_version_id {{.ID}}     NOT NULL UNIQUE,
    meter_id         {{.Ref}},
    state            varchar(10) NOT NULL CHECK (state IN ('pushing', 'live', 'archiving', 'archived', 'refused')),
    problem          {{.Text}}   NOT NULL,
    version          bigint      NOT NULL CHECK (version >= 0),
    FOREIGN KEY (policy_uuid) REFERENCES am_policy_subscription (uuid),
    FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id),
    FOREIGN KEY (price_version_id) REFERENCES price_versions (id)
);
--bun:split
CREATE TABLE IF NOT EXISTS api_policies (
    api_id      integer NOT NULL,
    policy_id   integer NOT NULL,
    attached_at bigint  NOT NULL,
    PRIMARY KEY (api_id, policy_id),
    UNIQUE (policy_id, api_id),
    FOREIGN KEY (api_id) REFERENCES am_api (api_id),
    FOREIGN KEY (policy_id) REFERENCES am_policy_subscription (policy_id)
);
--bun:split
CREATE TABLE IF NOT EXISTS stripe_products (
    api_id     integer     NOT NULL,
    account    {{.Ref}}    NOT NULL,
    tenant_id  bigint      NOT NULL,
    product_id {{.Ref}}    NOT NULL,
    state      varchar(10) NOT NULL CHECK (state IN ('pushing', 'live', 'archived')),
    version    bigint      NOT NULL CHECK (version >= 0),
    PRIMARY KEY (api_id, account),
    UNIQUE (account, product_id),
    FOREIGN KEY (api_id) REFERENCES am_api (api_id),
    FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id)
);
--bun:split
CREATE TABLE IF NOT EXISTS stripe_meters (
    api_id     integer     NOT NULL,
    policy_id  integer     NOT NULL,
    account    {{.Ref}}    NOT NULL,
    tenant_id  bigint      NOT NULL,
    event_name {{.ID}}     NOT NULL,
    meter_id   {{.Ref}},
    state      varchar(10) NOT NULL CHECK (state IN ('pushing', 'live', 'inactive')),
    version    bigint      NOT NULL CHECK (version >= 0),
    PRIMARY KEY (api_id, policy_id, account),
    UNIQUE (account, event_name),
    FOREIGN KEY (api_id) REFERENCES am_api (api_id),
    FOREIGN KEY (policy_id) REFERENCES am_policy_subscription (policy_id),
    FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id)
);
--bun:split
CREATE TABLE IF NOT EXISTS am_monetization (
    id                {{.Serial}},
    api_id            integer      NOT NULL,
    tier_name         {{.Str 512}} NOT NULL,
    stripe_product_id {{.Ref}},
    stripe_plan_id    {{.Ref}},
    tenant_id         bigint       NOT NULL,
    policy_id         integer      NOT NULL,
    price_version_id  {{.ID}}      NOT NULL,
    component         varchar(10)  NOT NULL CHECK (component IN ('fixed', 'usage')),
    currency          varchar(3)   NOT NULL,
    account           {{.Ref}}     NOT NULL,
    meter_id          {{.Ref}},
    state             varchar(10)  NOT NULL CHECK (state IN ('pushing', 'live', 'archiving', 'archived', 'refused')),
    problem           {{.Text}}    NOT NULL,
    version           bigint       NOT NULL CHECK (version >= 0),
    UNIQUE (api_id, price_version_id, component, currency, account),
    UNIQUE (account, stripe_plan_id),
    FOREIGN KEY (api_id) REFERENCES am_api (api_id),
    FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id),
    FOREIGN KEY (policy_id) REFERENCES am_policy_subscription (policy_id),
    FOREIGN KEY (price_version_id) REFERENCES price_versions (id)
);
