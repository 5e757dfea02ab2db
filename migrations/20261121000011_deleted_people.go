package migrations

// deletedPeople keeps the row of a person who is gone: what they had still names them.
var deletedPeople = []column{{"people", "deleted_at", "bigint"}}
