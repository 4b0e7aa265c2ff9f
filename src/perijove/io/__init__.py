"""Readers and writers, one file a format; labels and strips are found and checked here."""
