//! Values: digests, ids, encodings, limits. Knows nothing of time, tasks or peers on a wire.
