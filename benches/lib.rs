//! Holds the benchmarks together; it has nothing of its own.
