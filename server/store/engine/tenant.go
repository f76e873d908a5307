package engine

import "context"

// Tenant is whose rows a statement may see and write. On PostgreSQL a setting
// of the connection names the tenant, which row-level security goes by: a
// second wall, whatever the queries say. SQLite has nothing like it.
type Tenant struct {
	// ID is empty for work on the rows of all tenants.
	ID string
	// Revision is that of the tenant's setup as the work believes it to be; 0
	// if that does not matter. See [Options].
	Revision int64
}

// TenantSetting is the setting of a connection that names the one tenant whose
// rows can be read and written on it; with none, all can.
const TenantSetting = "muster.instance"

func setTenant(id string) Statement {
	return Statement{
		Query: "SELECT set_config('" + TenantSetting + "', ?, false)", Args: []any{id},
	}
}

// check returns what finds out that a tenant is set up in another way than the
// work believes. It is compared here and not in the database: what is sent
// together with it is read in vain then, and nothing is ever committed in the
// same round trip (see [Tx.Commit]).
func (db *DB) check(t Tenant) []Statement {
	if t.Revision == 0 {
		return nil
	}
	return []Statement{db.options.Check(t)}
}

// tenant returns whose work a context is.
func (db *DB) tenant(ctx context.Context) Tenant {
	if db.options.Tenant == nil {
		return Tenant{}
	}
	return db.options.Tenant(ctx)
}

// aboveRowSecurity finds out whether row-level security holds nothing back.
const aboveRowSecurity = `SELECT rolsuper OR rolbypassrls
	FROM pg_roles WHERE rolname = current_user`

// AboveRowSecurity reports whether the user of the connections is above
// row-level security, so that it holds nothing back. SQLite has none.
func (db *DB) AboveRowSecurity(ctx context.Context) (above bool, err error) {
	if db.Postgres {
		err = db.Get(ctx, &above, aboveRowSecurity)
	}
	return above, err
}
