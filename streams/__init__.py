"""What flows and who listens. A stage receives, lets its worker do the work, and publishes."""
