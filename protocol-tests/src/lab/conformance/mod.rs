//! Whether a server does what the text of tus 1.0.0 says.
