"""What goes with footage to those who may see it: schedules of unused material, statements, and who may have what."""
