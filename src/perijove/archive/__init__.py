"""The archives that hold JunoCam's strips and Juno's kernels: search, download, local cache."""
