//! A bad network that can be ordered.
