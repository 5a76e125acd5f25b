"""PostgreSQL: connections, schema, migrations. Nothing else in the project imports the driver."""
