"""What is done to footage. Nothing in here has heard of Kafka."""
