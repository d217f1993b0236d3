//! conductor-datasets
