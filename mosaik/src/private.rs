//! What generated code names. Not public interface.
