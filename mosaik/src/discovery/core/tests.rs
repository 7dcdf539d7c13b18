//! Simulated networks of many cores: written below.
