"""Operations: does it add up, and what stands where."""
