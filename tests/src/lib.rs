//! The suite that drives the running system from outside.
