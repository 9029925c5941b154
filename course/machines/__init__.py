"""The machines beside the NTM."""
