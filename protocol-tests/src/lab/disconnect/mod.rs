//! What becomes of uploads over a bad network.
