"""The real stack on one machine without Docker: Kafka, an S3 store, PostgreSQL, and a supervisor."""
