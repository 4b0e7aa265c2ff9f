"""SPICE kernels in and out: where Juno was and pointed by NAIF's files, and our own solution as such files."""
