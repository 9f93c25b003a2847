"""The farm in SQLite: schema, migrations, and every SQL statement of this project."""
