"""Cases: what signed changes make of them, when their material may go, and the rows that they become."""
