"""What Parley keeps: SQLAlchemy Core behind the core's ports, on SQLite or PostgreSQL."""
