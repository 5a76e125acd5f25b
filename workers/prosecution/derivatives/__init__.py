"""What is made from clips: ranges, stills, playback copies and redactions. A master is read and never written."""
