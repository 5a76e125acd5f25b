"""What runs the stages: short work, long work, the rules of delivery, publishing, health."""
