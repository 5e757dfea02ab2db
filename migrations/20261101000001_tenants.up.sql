CREATE TABLE IF NOT EXISTS installation (
    id                 integer     NOT NULL PRIMARY KEY CHECK (id = 1),
    installation_id    {{.ID}}     NOT NULL,
    mode               varchar(10) NOT NULL CHECK (mode IN ('sandbox', 'test', 'live')),
    secret_check       {{.Text}}   NOT NULL,
    business_offset_ms bigint      NOT NULL CHECK (business_offset_ms >= 0),
    created_at         bigint      NOT NULL
);
--bun:split
CREATE TABLE IF NOT EXISTS tenants (
    tenant_id        bigint       NOT NULL PRIMARY KEY,
    domain           {{.Str 255}} NOT NULL UNIQUE,
    name             {{.Str 200}} NOT NULL,
    state            varchar(10)  NOT NULL CHECK (state IN ('active', 'disabled')),
    catalogue_public boolean      NOT NULL,
    stripe_account   {{.Ref}},
    stripe_name      {{.Str 255}} NOT NULL,
    stripe_key_hint  varchar(30)  NOT NULL,
    stripe_problem   {{.Text}}    NOT NULL,
    fee_percent      varchar(6)   NOT NULL,
    created_at       bigint       NOT NULL,
    version          bigint       NOT NULL CHECK (version >= 0)
);
--bun:split
CREATE TABLE IF NOT EXISTS secrets (
    id           {{.ID}}     NOT NULL PRIMARY KEY,
    tenant_id    bigint      NOT NULL,
    owner_table  varchar(40) NOT NULL,
    owner_column varchar(40) NOT NULL,
    owner_row    {{.ID}}     NOT NULL,
    sealed       {{.Text}}   NOT NULL,
    created_at   bigint      NOT NULL,
    retires_at   bigint,
    UNIQUE (tenant_id, owner_table, owner_column, owner_row, id),
    FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id)
);
--bun:split
CREATE TABLE IF NOT EXISTS webhook_endpoints (
    id          {{.ID}}     NOT NULL PRIMARY KEY,
    tenant_id   bigint      NOT NULL,
    scope       varchar(10) NOT NULL CHECK (scope IN ('connect', 'platform')),
    stripe_id   {{.Ref}},
    url         {{.Text}}   NOT NULL,
    api_version varchar(40) NOT NULL,
    created_at  bigint      NOT NULL,
    version     bigint      NOT NULL CHECK (version >= 0),
    UNIQUE (tenant_id, scope),
    FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id)
);
--bun:split
CREATE TABLE IF NOT EXISTS people (
    person_id     {{.ID}}      NOT NULL PRIMARY KEY,
    tenant_id     bigint       NOT NULL,
    username      {{.Str 100}} NOT NULL,
    email         {{.Str 255}} NOT NULL,
    display_name  {{.Str 200}} NOT NULL,
    organization  {{.Str 200}} NOT NULL,
    password_hash varchar(255) NOT NULL,
    state         varchar(10)  NOT NULL CHECK (state IN ('active', 'disabled')),
    theme         varchar(10)  NOT NULL CHECK (theme IN ('system', 'light', 'dark')),
    created_at    bigint       NOT NULL,
    version       bigint       NOT NULL CHECK (version >= 0),
    UNIQUE (tenant_id, username),
    FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id)
);
--bun:split
CREATE TABLE IF NOT EXISTS person_roles (
    person_id {{.ID}}     NOT NULL,
    role      varchar(20) NOT NULL CHECK (role IN ('admin', 'publisher', 'subscriber')),
    PRIMARY KEY (person_id, role),
    FOREIGN KEY (person_id) REFERENCES people (person_id)
);
--bun:split
CREATE TABLE IF NOT EXISTS sign_in_sessions (
    id_hash    {{.ID}}      NOT NULL PRIMARY KEY,
    public_id  {{.ID}}      NOT NULL UNIQUE,
    tenant_id  bigint       NOT NULL,
    person_id  {{.ID}},
    data       {{.Text}}    NOT NULL,
    user_agent {{.Str 255}} NOT NULL,
    address    varchar(64)  NOT NULL,
    created_at bigint       NOT NULL,
    seen_at    bigint       NOT NULL,
    expires_at bigint       NOT NULL,
    UNIQUE (person_id, created_at, id_hash),
    UNIQUE (expires_at, id_hash),
    FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id),
    FOREIGN KEY (person_id) REFERENCES people (person_id)
);
--bun:split
CREATE TABLE IF NOT EXISTS sign_in_failures (
    subject   {{.ID}} NOT NULL PRIMARY KEY,
    failures  integer NOT NULL,
    last_at   bigint  NOT NULL,
    locked_to bigint  NOT NULL
);
--bun:split
CREATE TABLE IF NOT EXISTS one_time_links (
    token_hash {{.ID}} NOT NULL PRIMARY KEY,
    tenant_id  bigint  NOT NULL,
    person_id  {{.ID}} NOT NULL,
    created_at bigint  NOT NULL,
    expires_at bigint  NOT NULL,
    used_at    bigint,
    FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id),
    FOREIGN KEY (person_id) REFERENCES people (person_id)
);
--bun:split
CREATE TABLE IF NOT EXISTS audit (
    id          {{.ID}}      NOT NULL PRIMARY KEY,
    tenant_id   bigint       NOT NULL,
    at          bigint       NOT NULL,
    actor       {{.Str 100}} NOT NULL,
    actor_name  {{.Str 200}} NOT NULL,
    action      varchar(60)  NOT NULL,
    object_type varchar(40)  NOT NULL,
    object_id   {{.Ref}}     NOT NULL,
    object_name {{.Str 512}} NOT NULL,
    details     {{.Text}}    NOT NULL,
    request_id  {{.ID}}      NOT NULL,
    UNIQUE (tenant_id, at, id),
    FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id)
);
--bun:split
CREATE TABLE IF NOT EXISTS outbox_jobs (
    id              {{.ID}}      NOT NULL PRIMARY KEY,
    tenant_id       bigint       NOT NULL,
    kind            varchar(60)  NOT NULL,
    subject         {{.Ref}}     NOT NULL,
    task            {{.Text}}    NOT NULL,
    state           varchar(10)  NOT NULL CHECK (state IN ('ready', 'running', 'done', 'failed')),
    running_subject {{.Ref}}     UNIQUE,
    attempts        integer      NOT NULL,
    run_at          bigint       NOT NULL,
    first_tried_at  bigint,
    problem         {{.Text}}    NOT NULL,
    created_at      bigint       NOT NULL,
    done_at         bigint,
    UNIQUE (state, run_at, id),
    UNIQUE (tenant_id, state, created_at, id),
    UNIQUE (subject, state, id),
    FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id)
);
